// The parameters of a multiply-accumulate, in one place: every module from mac_core up to the arrays takes them all.
//
//   module something #(`MAC_PARAMETERS, parameter integer MINE = 1) (...);
//     mac_core #(`MAC_PASS) core (...);
//
// All are integers. hwsim.rtl.emit.core_parameters derives them from number formats.
//
// KIND              0 shift-add, 1 multi-shift-add, 2 integer multiplier, 3 floating point
// ACT_BITS          bits of an activation's code
// ACT_SIGNED        1 two's complement, 0 unsigned (fixed point)
// WEIGHT_BITS       bits of a weight's code
// WEIGHT_SIGNED     1 two's complement, 0 unsigned (KIND 2, or a fixed-point weight of KIND 3)
// ACC_BITS          bits of a sum's code
// ACC_SIGNED        1 two's complement, 0 unsigned (fixed point)
// SHIFTS            number of powers of two of a pow2 weight (KIND 0, and KIND 3 with pow2 weights); else 0
// TERMS             powers of two that a weight sums (KIND 1)
// TERM_BITS         bits of each term with its own sign (shiftcnn); 0 means one sign and two bits a term (apot)
// PRODUCT_BITS      bits of the format that products are rounded to; 0: products are exact
// PRODUCT_SIGNED    1 two's complement, 0 unsigned (fixed point)
// PRODUCT_ALIGN     log2(step of the exact product / step of the product format) (fixed point)
// PRODUCT_ROUND     rounding of products, numbered as ROUND
// PRODUCT_SATURATE  1 saturate; 0 wrap (fixed point) or overflow to infinity (floating point)
// ALIGN             log2(step of the product / step of the accumulator) (fixed point)
// ROUND             rounding of sums: 0 nearest even, 1 toward zero, 2 toward -infinity, 3 half up, 4 toward +infinity
// SATURATE          1 saturate; 0 wrap (fixed point) or overflow to infinity (floating point)
// STYLE             of the multiplier of KIND 2: 0 behavioural, fast to simulate; 1 structural, for synthesis; equal results
// Of KIND 3, for each X of ACT, WEIGHT, PRODUCT and ACC:
// X_EXPONENT_BITS   exponent bits E; M = X_BITS - 1 - E. 0: the operand is fixed point (ACT and WEIGHT only)
// X_BIAS            exponent bias; of a fixed-point operand its fraction bits, of pow2 the exponent of 1/largest
// X_SPECIALS        0 every code is a number, 1 IEEE infinities and NaNs, 2 all ones is NaN and no infinity (fn)
// X_SUBNORMALS      1 kept, 0 flushed to zero after rounding (and read as zero)
`ifndef MAC_PARAMETERS_SVH
`define MAC_PARAMETERS_SVH

`define MAC_PARAMETERS \
  parameter integer KIND = 0, \
  parameter integer ACT_BITS = 8, \
  parameter integer ACT_SIGNED = 1, \
  parameter integer WEIGHT_BITS = 4, \
  parameter integer WEIGHT_SIGNED = 1, \
  parameter integer ACC_BITS = 24, \
  parameter integer ACC_SIGNED = 1, \
  parameter integer SHIFTS = 4, \
  parameter integer TERMS = 1, \
  parameter integer TERM_BITS = 0, \
  parameter integer PRODUCT_BITS = 0, \
  parameter integer PRODUCT_SIGNED = 1, \
  parameter integer PRODUCT_ALIGN = 0, \
  parameter integer PRODUCT_ROUND = 0, \
  parameter integer PRODUCT_SATURATE = 1, \
  parameter integer ALIGN = 0, \
  parameter integer ROUND = 0, \
  parameter integer SATURATE = 1, \
  parameter integer STYLE = 0, \
  parameter integer ACT_EXPONENT_BITS = 0, \
  parameter integer ACT_BIAS = 0, \
  parameter integer ACT_SPECIALS = 0, \
  parameter integer ACT_SUBNORMALS = 1, \
  parameter integer WEIGHT_EXPONENT_BITS = 0, \
  parameter integer WEIGHT_BIAS = 0, \
  parameter integer WEIGHT_SPECIALS = 0, \
  parameter integer WEIGHT_SUBNORMALS = 1, \
  parameter integer PRODUCT_EXPONENT_BITS = 0, \
  parameter integer PRODUCT_BIAS = 0, \
  parameter integer PRODUCT_SPECIALS = 0, \
  parameter integer PRODUCT_SUBNORMALS = 1, \
  parameter integer ACC_EXPONENT_BITS = 0, \
  parameter integer ACC_BIAS = 0, \
  parameter integer ACC_SPECIALS = 0, \
  parameter integer ACC_SUBNORMALS = 1

`define MAC_PASS \
  .KIND(KIND), \
  .ACT_BITS(ACT_BITS), .ACT_SIGNED(ACT_SIGNED), \
  .WEIGHT_BITS(WEIGHT_BITS), .WEIGHT_SIGNED(WEIGHT_SIGNED), \
  .ACC_BITS(ACC_BITS), .ACC_SIGNED(ACC_SIGNED), \
  .SHIFTS(SHIFTS), .TERMS(TERMS), .TERM_BITS(TERM_BITS), \
  .PRODUCT_BITS(PRODUCT_BITS), .PRODUCT_SIGNED(PRODUCT_SIGNED), .PRODUCT_ALIGN(PRODUCT_ALIGN), \
  .PRODUCT_ROUND(PRODUCT_ROUND), .PRODUCT_SATURATE(PRODUCT_SATURATE), \
  .ALIGN(ALIGN), .ROUND(ROUND), .SATURATE(SATURATE), .STYLE(STYLE), \
  .ACT_EXPONENT_BITS(ACT_EXPONENT_BITS), .ACT_BIAS(ACT_BIAS), \
  .ACT_SPECIALS(ACT_SPECIALS), .ACT_SUBNORMALS(ACT_SUBNORMALS), \
  .WEIGHT_EXPONENT_BITS(WEIGHT_EXPONENT_BITS), .WEIGHT_BIAS(WEIGHT_BIAS), \
  .WEIGHT_SPECIALS(WEIGHT_SPECIALS), .WEIGHT_SUBNORMALS(WEIGHT_SUBNORMALS), \
  .PRODUCT_EXPONENT_BITS(PRODUCT_EXPONENT_BITS), .PRODUCT_BIAS(PRODUCT_BIAS), \
  .PRODUCT_SPECIALS(PRODUCT_SPECIALS), .PRODUCT_SUBNORMALS(PRODUCT_SUBNORMALS), \
  .ACC_EXPONENT_BITS(ACC_EXPONENT_BITS), .ACC_BIAS(ACC_BIAS), \
  .ACC_SPECIALS(ACC_SPECIALS), .ACC_SUBNORMALS(ACC_SUBNORMALS)

`endif
