// row = operand * 2^(LOW - DISTANCE), with fill in the free places below, sign-extended to OPERAND + LOW bits.
module shift_place #(
    parameter integer OPERAND  = 8,  // bits of operand
    parameter integer LOW      = 4,  // largest distance
    parameter integer DISTANCE = 0   // 0 to LOW: places below the top
) (
    input  logic [    OPERAND-1:0] operand,  // two's complement
    input  logic                   fill,     // the bit for the free places
    output logic [OPERAND+LOW-1:0] row       // two's complement
);
  generate
    if (LOW == 0) begin : g_same
      logic unused;
      assign unused = fill;
      assign row = operand;
    end else if (DISTANCE == 0) begin : g_top
      assign row = {operand, {LOW{fill}}};
    end else if (DISTANCE == LOW) begin : g_bottom
      logic unused;
      assign unused = fill;
      assign row = {{LOW{operand[OPERAND-1]}}, operand};
    end else begin : g_between
      assign row = {{DISTANCE{operand[OPERAND-1]}}, operand, {(LOW - DISTANCE) {fill}}};
    end
  endgenerate
endmodule
