// The multiply-accumulate of every kind of processing element behind one set of ports: combinational,
// sum_out = round_acc(sum_in + round_product(act * weight)).
`include "mac_parameters.svh"
/* verilator lint_off UNUSEDPARAM */  // each kind takes its own part of the list
module mac_core #(
    `MAC_PARAMETERS
) (
    /* verilator lint_on UNUSEDPARAM */
    input  logic [   ACT_BITS-1:0] act,     // activation code
    input  logic [WEIGHT_BITS-1:0] weight,  // weight code
    input  logic [   ACC_BITS-1:0] sum_in,  // accumulator code
    output logic [   ACC_BITS-1:0] sum_out  // accumulator code
);
  generate
    if (KIND == 0) begin : g_shift_add
      mac_shift_add #(
          .ACT_BITS(ACT_BITS), .ACT_SIGNED(ACT_SIGNED), .WEIGHT_BITS(WEIGHT_BITS), .SHIFTS(SHIFTS),
          .ACC_BITS(ACC_BITS), .ACC_SIGNED(ACC_SIGNED), .PRODUCT_BITS(PRODUCT_BITS), .PRODUCT_SIGNED(PRODUCT_SIGNED),
          .PRODUCT_ALIGN(PRODUCT_ALIGN), .PRODUCT_ROUND(PRODUCT_ROUND), .PRODUCT_SATURATE(PRODUCT_SATURATE),
          .ALIGN(ALIGN), .ROUND(ROUND), .SATURATE(SATURATE)
      ) mac (
          .act(act), .weight(weight), .sum_in(sum_in), .sum_out(sum_out)
      );
    end else if (KIND == 1) begin : g_multi_shift_add
      mac_multi_shift_add #(
          .ACT_BITS(ACT_BITS), .ACT_SIGNED(ACT_SIGNED), .WEIGHT_BITS(WEIGHT_BITS),
          .TERMS(TERMS), .TERM_BITS(TERM_BITS), .ACC_BITS(ACC_BITS), .ACC_SIGNED(ACC_SIGNED),
          .PRODUCT_BITS(PRODUCT_BITS), .PRODUCT_SIGNED(PRODUCT_SIGNED), .PRODUCT_ALIGN(PRODUCT_ALIGN),
          .PRODUCT_ROUND(PRODUCT_ROUND), .PRODUCT_SATURATE(PRODUCT_SATURATE),
          .ALIGN(ALIGN), .ROUND(ROUND), .SATURATE(SATURATE)
      ) mac (
          .act(act), .weight(weight), .sum_in(sum_in), .sum_out(sum_out)
      );
    end else if (KIND == 2) begin : g_int
      mac_int #(
          .STYLE(STYLE), .ACT_BITS(ACT_BITS), .ACT_SIGNED(ACT_SIGNED), .WEIGHT_BITS(WEIGHT_BITS),
          .WEIGHT_SIGNED(WEIGHT_SIGNED), .ACC_BITS(ACC_BITS), .ACC_SIGNED(ACC_SIGNED),
          .PRODUCT_BITS(PRODUCT_BITS), .PRODUCT_SIGNED(PRODUCT_SIGNED), .PRODUCT_ALIGN(PRODUCT_ALIGN),
          .PRODUCT_ROUND(PRODUCT_ROUND), .PRODUCT_SATURATE(PRODUCT_SATURATE),
          .ALIGN(ALIGN), .ROUND(ROUND), .SATURATE(SATURATE)
      ) mac (
          .act(act), .weight(weight), .sum_in(sum_in), .sum_out(sum_out)
      );
    end else begin : g_float
      mac_float #(
          .ACT_BITS(ACT_BITS), .ACT_SIGNED(ACT_SIGNED), .ACT_EXPONENT_BITS(ACT_EXPONENT_BITS), .ACT_BIAS(ACT_BIAS),
          .ACT_SPECIALS(ACT_SPECIALS), .ACT_SUBNORMALS(ACT_SUBNORMALS),
          .WEIGHT_BITS(WEIGHT_BITS), .WEIGHT_SIGNED(WEIGHT_SIGNED), .WEIGHT_EXPONENT_BITS(WEIGHT_EXPONENT_BITS),
          .WEIGHT_BIAS(WEIGHT_BIAS), .WEIGHT_SPECIALS(WEIGHT_SPECIALS), .WEIGHT_SUBNORMALS(WEIGHT_SUBNORMALS),
          .SHIFTS(SHIFTS), .PRODUCT_BITS(PRODUCT_BITS), .PRODUCT_EXPONENT_BITS(PRODUCT_EXPONENT_BITS),
          .PRODUCT_BIAS(PRODUCT_BIAS), .PRODUCT_SPECIALS(PRODUCT_SPECIALS), .PRODUCT_SUBNORMALS(PRODUCT_SUBNORMALS),
          .PRODUCT_ROUND(PRODUCT_ROUND), .PRODUCT_SATURATE(PRODUCT_SATURATE),
          .ACC_BITS(ACC_BITS), .ACC_EXPONENT_BITS(ACC_EXPONENT_BITS), .ACC_BIAS(ACC_BIAS),
          .ACC_SPECIALS(ACC_SPECIALS), .ACC_SUBNORMALS(ACC_SUBNORMALS), .ROUND(ROUND), .SATURATE(SATURATE)
      ) mac (
          .act(act), .weight(weight), .sum_in(sum_in), .sum_out(sum_out)
      );
    end
  endgenerate
endmodule
