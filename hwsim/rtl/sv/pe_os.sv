// Output-stationary processing element: both operands pass through, the sum stays.
//
//   act_out <= act_in;   weight_out <= weight_in;
//   if (valid_in) sum <= core(act_in, weight_in, first_in ? start_in : sum)
// The flags valid, first and last travel to the right with the activation. drain moves the sums down by one row: sum_out
// goes to the row below, and sum_in from the row above enters.
//
// OVERLAP=1 adds a drain register per element, which drain moves in place of the sum. The sum that is finished by
// the product marked last_in goes there and not to the accumulator, so that the next tile can follow at once:
//   if (valid_in && last_in) drained <= core(...); else if (drain) drained <= sum_in;
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
    input  logic                   first_in,         // the first product of a sum: it starts at start_in
    output logic                   first_out,        // first_in, one cycle later, to the right
    input  logic                   last_in,          // the last product of a sum
    output logic                   last_out,         // last_in, one cycle later, to the right
    input  logic [   ACC_BITS-1:0] start_in,         // where sums start: the bias of the column, or zero
    input  logic                   drain,            // sums move down by one row
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
  assign sum_start = first_in ? start_in : total;
  assign sum_next = skip ? sum_start : sum_core;

  always_ff @(posedge clk) valid_out <= valid_in & ~rst;
  always_ff @(posedge clk) first_out <= first_in & ~rst;
  always_ff @(posedge clk) last_out <= last_in & ~rst;
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
      logic                finish;
      assign finish = valid_in & last_in;
      always_ff @(posedge clk) if (valid_in && !last_in && (first_in || !skip)) total <= sum_next;
      always_ff @(posedge clk) begin
        if (finish) drained <= sum_next;
        else if (drain) drained <= sum_in;
      end
      assign sum_out = drained;
    end else begin : g_single
      always_ff @(posedge clk) begin
        if (drain) total <= sum_in;
        else if (valid_in && (first_in || !skip)) total <= sum_next;
      end
      assign sum_out = total;
    end
  endgenerate
endmodule
