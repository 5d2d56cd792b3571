// Output-stationary processing element: both operands pass through, the sum stays.
//
//   act_out <= act_in;   weight_out <= weight_in;   if (valid_in) sum <= core(act_in, weight_in, sum)
// drain moves the column of sums down by one row: sum_out goes to the row below, and sum_in from the row above enters.
// So a result leaves at the bottom while the starting value (bias) of the next one comes in at the top.
//
// OVERLAP=1 adds a drain register per element, and drain moves those registers instead of the sums. first_in marks
// the first product of a tile: the sum starts from the drain register, and the finished sum moves into it:
//   if (valid_in && first_in) begin sum <= core(act_in, weight_in, drained); drained <= sum; end
// drain and first_in of one element must not meet in one cycle (first_in wins).
//
// With GATE_ZERO=1 flags of zero operands travel with them: the operand registers then keep their old codes and the
// sum its value. That equals the contract where the other operand is finite.
`include "mac_parameters.svh"
module pe_os #(
    `MAC_PARAMETERS,
    parameter integer OVERLAP   = 0,  // 1: a drain register, so that tiles follow each other without a gap
    parameter integer GATE_ZERO = 0   // 1: hold still where an operand is zero
) (
    input  logic                   clk,
    input  logic                   rst,              // synchronous, of the control flags only
    input  logic                   valid_in,         // the operands are a product of this element's sum
    output logic                   valid_out,        // valid_in, one cycle later, to the right
    input  logic                   first_in,         // OVERLAP=1: the first product of a tile
    output logic                   first_out,        // first_in, one cycle later, to the right
    input  logic                   drain,            // the column moves down by one row
    input  logic [   ACT_BITS-1:0] act_in,           // activation, from the left
    input  logic                   act_zero_in,      // GATE_ZERO=1: the activation is zero, its code stale
    output logic [   ACT_BITS-1:0] act_out,          // activation, to the right, one cycle later
    output logic                   act_zero_out,     // flag of act_out
    input  logic [WEIGHT_BITS-1:0] weight_in,        // weight, from above
    input  logic                   weight_zero_in,   // GATE_ZERO=1: the weight is zero, its code stale
    output logic [WEIGHT_BITS-1:0] weight_out,       // weight, to the row below, one cycle later
    output logic                   weight_zero_out,  // flag of weight_out
    input  logic [   ACC_BITS-1:0] sum_in,           // drain column, from the row above
    output logic [   ACC_BITS-1:0] sum_out           // drain column, to the row below: the register that drain moves
);
  logic [ACC_BITS-1:0] total;      // the accumulator
  logic [ACC_BITS-1:0] sum_start;  // what the core adds to
  logic [ACC_BITS-1:0] sum_core;
  logic [ACC_BITS-1:0] sum_next;
  logic                act_zero;
  logic                weight_zero;
  logic                skip;

  mac_core #(`MAC_PASS) core (.act(act_in), .weight(weight_in), .sum_in(sum_start), .sum_out(sum_core));
  assign skip = act_zero | weight_zero;
  assign sum_next = skip ? sum_start : sum_core;

  always_ff @(posedge clk) valid_out <= valid_in & ~rst;
  always_ff @(posedge clk) if (!act_zero) act_out <= act_in;
  always_ff @(posedge clk) if (!weight_zero) weight_out <= weight_in;

  generate
    if (GATE_ZERO != 0) begin : g_gate
      logic act_flag;
      logic weight_flag;
      always_ff @(posedge clk) act_flag <= act_zero_in;
      always_ff @(posedge clk) weight_flag <= weight_zero_in;
      assign act_zero = act_zero_in;
      assign act_zero_out = act_flag;
      assign weight_zero = weight_zero_in;
      assign weight_zero_out = weight_flag;
    end else begin : g_always
      logic unused;
      assign unused = act_zero_in & weight_zero_in;
      assign act_zero = 1'b0;
      assign act_zero_out = 1'b0;
      assign weight_zero = 1'b0;
      assign weight_zero_out = 1'b0;
    end

    if (OVERLAP != 0) begin : g_overlap
      logic [ACC_BITS-1:0] drained;
      logic                first_flag;
      logic                start;
      assign start = valid_in & first_in;
      assign sum_start = start ? drained : total;
      always_ff @(posedge clk) first_flag <= first_in & ~rst;
      always_ff @(posedge clk) if (valid_in && (start || !skip)) total <= sum_next;
      always_ff @(posedge clk) begin
        if (start) drained <= total;
        else if (drain) drained <= sum_in;
      end
      assign first_out = first_flag;
      assign sum_out = drained;
    end else begin : g_single
      logic unused;
      assign unused = first_in;
      assign first_out = 1'b0;
      assign sum_start = total;
      always_ff @(posedge clk) begin
        if (drain) total <= sum_in;
        else if (valid_in && !skip) total <= sum_next;
      end
      assign sum_out = total;
    end
  endgenerate
endmodule
