// Processing element that holds one operand: weight-stationary (HELD_ACT=0) or input-stationary (HELD_ACT=1).
//
// Every cycle the moving operand passes on to the right and the partial sum down, each through one register:
//   moving_out <= moving_in;   sum_out <= core(moving_in, held, sum_in)
// The held operand comes down a chain through held_in/held_out while load is 1, one row a cycle. With SHADOW=1 that
// chain is a register of its own, and swap copies it to the held operand at the next edge, while sums flow. Where load
// and swap meet, the held operand takes what the shadow takes.
// With GATE_ZERO=1 a flag of a zero moving operand travels with it: the operand register then keeps its old code
// and the partial sum goes around the core. That equals the contract where the held operand is finite.
`include "mac_parameters.svh"
module pe_held #(
    `MAC_PARAMETERS,
    parameter integer HELD_ACT  = 0,  // 1: the activation is held and the weight moves
    parameter integer SHADOW    = 0,  // 1: a second register takes the next held operand
    parameter integer GATE_ZERO = 0,  // 1: hold still where the moving operand is zero
    parameter integer HELD_BITS   = (HELD_ACT != 0) ? ACT_BITS : WEIGHT_BITS,  // derived: leave alone
    parameter integer MOVING_BITS = (HELD_ACT != 0) ? WEIGHT_BITS : ACT_BITS   // derived: leave alone
) (
    input  logic                   clk,
    input  logic                   load,             // the chain of held operands moves down by one row
    input  logic                   swap,             // SHADOW=1: the held operand becomes the shadowed one
    input  logic [  HELD_BITS-1:0] held_in,          // chain, from the row above
    output logic [  HELD_BITS-1:0] held_out,         // chain, to the row below
    input  logic [MOVING_BITS-1:0] moving_in,        // moving operand, from the left
    input  logic                   moving_zero_in,   // GATE_ZERO=1: the moving operand is zero, its code stale
    output logic [MOVING_BITS-1:0] moving_out,       // moving operand, to the right, one cycle later
    output logic                   moving_zero_out,  // flag of moving_out
    input  logic [   ACC_BITS-1:0] sum_in,           // partial sum, from the row above
    output logic [   ACC_BITS-1:0] sum_out           // partial sum, to the row below, one cycle later
);
  logic [HELD_BITS-1:0] held;  // what the core multiplies by
  logic [ ACC_BITS-1:0] sum_core;
  logic [ ACC_BITS-1:0] sum_next;
  logic                 moving_zero;

  generate
    if (SHADOW != 0) begin : g_shadow
      logic [HELD_BITS-1:0] shadow;
      logic [HELD_BITS-1:0] current;
      always_ff @(posedge clk) if (load) shadow <= held_in;
      always_ff @(posedge clk) if (swap) current <= load ? held_in : shadow;
      assign held_out = shadow;
      assign held = current;
    end else begin : g_plain
      logic [HELD_BITS-1:0] current;
      logic unused;
      always_ff @(posedge clk) if (load) current <= held_in;
      assign held_out = current;
      assign held = current;
      assign unused = swap;
    end

    if (HELD_ACT != 0) begin : g_held_act
      mac_core #(`MAC_PASS) core (.act(held), .weight(moving_in), .sum_in(sum_in), .sum_out(sum_core));
    end else begin : g_held_weight
      mac_core #(`MAC_PASS) core (.act(moving_in), .weight(held), .sum_in(sum_in), .sum_out(sum_core));
    end

    if (GATE_ZERO != 0) begin : g_gate
      logic flag;
      always_ff @(posedge clk) flag <= moving_zero_in;
      assign moving_zero = moving_zero_in;
      assign moving_zero_out = flag;
    end else begin : g_always
      logic unused;
      assign unused = moving_zero_in;
      assign moving_zero = 1'b0;
      assign moving_zero_out = 1'b0;
    end
  endgenerate

  assign sum_next = moving_zero ? sum_in : sum_core;
  always_ff @(posedge clk) if (!moving_zero) moving_out <= moving_in;
  always_ff @(posedge clk) sum_out <= sum_next;
endmodule
