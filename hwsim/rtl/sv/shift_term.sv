// One power of two of a weight that sums several: row + negative = sign * 2^exponent * act in steps of the smallest
// power, or zero. A negative row is the inverted one; its missing +1 leaves as `negative`, for an adder's carry.
module shift_term #(
    parameter integer OPERAND   = 8,  // bits of act
    parameter integer LOW       = 4,  // exponent -LOW is the smallest power of the weight
    parameter integer FIELD     = 2,  // bits of the term's field
    parameter integer SELECT    = 0,  // 0: field m is exponent FIRST - (m - 1); 1: field 1, 2, 3 is FIRST, SECOND, THIRD
    parameter integer FIRST     = 0,  // -exponent of field 1
    parameter integer SECOND    = 1,  // -exponent of field 2
    parameter integer THIRD     = 2   // -exponent of field 3
) (
    input  logic [    OPERAND-1:0] act,       // two's complement
    input  logic                   sign,      // 1 where the term is negative
    input  logic [      FIELD-1:0] field,     // which power of two; 0 none
    output logic [OPERAND+LOW-1:0] row,       // two's complement
    output logic                   negative   // 1: add one step
);
  localparam integer WIDTH = OPERAND + LOW;
  localparam integer PLACES = (1 << FIELD) - 1;

  logic               nonzero;
  logic [OPERAND-1:0] operand;
  assign nonzero = |field;
  assign negative = sign & nonzero;
  assign operand = (act & {OPERAND{nonzero}}) ^ {OPERAND{negative}};

  generate
    if (FIELD == 1) begin : g_one
      shift_place #(.OPERAND(OPERAND), .LOW(LOW), .DISTANCE(FIRST)) place (
          .operand(operand), .fill(negative), .row(row)
      );
    end else if (SELECT != 0) begin : g_select
      logic [WIDTH-1:0] first;
      logic [WIDTH-1:0] second;
      logic [WIDTH-1:0] third;
      shift_place #(.OPERAND(OPERAND), .LOW(LOW), .DISTANCE(FIRST)) place1 (
          .operand(operand), .fill(negative), .row(first)
      );
      shift_place #(.OPERAND(OPERAND), .LOW(LOW), .DISTANCE(SECOND)) place2 (
          .operand(operand), .fill(negative), .row(second)
      );
      shift_place #(.OPERAND(OPERAND), .LOW(LOW), .DISTANCE(THIRD)) place3 (
          .operand(operand), .fill(negative), .row(third)
      );
      assign row = field[1] ? (field[0] ? third : second) : first;
    end else begin : g_shift
      localparam integer SPAN = OPERAND + PLACES;
      logic signed [SPAN-1:0] top;
      logic signed [SPAN-1:0] moved;
      logic unused;
      assign top = {operand, {PLACES{negative}}};
      assign moved = top >>> field;  // by m: bit SPAN-1 is then a copy, SPAN-2 the sign at m = 1
      assign unused = moved[SPAN-1];
      // moved is in steps of 2^-(FIRST + PLACES - 1)
      shift_place #(.OPERAND(SPAN - 1), .LOW(LOW - PLACES + 1), .DISTANCE(FIRST)) place (
          .operand(moved[SPAN-2:0]), .fill(negative), .row(row)
      );
    end
  endgenerate
endmodule
