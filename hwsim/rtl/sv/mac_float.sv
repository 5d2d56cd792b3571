// sum_out = round(sum_in + round_product(act * weight)) in floating point, any widths.
//
// The product of the significands is exact. It is rounded to a product format only where one is named
// (PRODUCT_BITS > 0); then the sum is rounded once. One of the two addends has the larger exponent and stays, the other
// moves right; what falls off is one sticky bit. Three bits below the wider addend are enough: more is lost only where
// the exponents differ by four or more, and then the result begins at most two places below the larger addend.
// Operands may also be fixed point or powers of two: they have a constant exponent or a constant significand.
module mac_float #(
    parameter integer ACT_BITS              = 16,  // bits of the activation's code
    parameter integer ACT_SIGNED            = 1,   // fixed point: 1 two's complement, 0 unsigned
    parameter integer ACT_EXPONENT_BITS     = 5,   // 0: fixed point
    parameter integer ACT_BIAS              = 15,  // of fixed point the fraction bits
    parameter integer ACT_SPECIALS          = 1,   // 0 none, 1 IEEE, 2 fn
    parameter integer ACT_SUBNORMALS        = 1,   // 0: read as zero
    parameter integer WEIGHT_BITS           = 16,  // bits of the weight's code
    parameter integer WEIGHT_SIGNED         = 1,   // fixed point: 1 two's complement, 0 unsigned
    parameter integer WEIGHT_EXPONENT_BITS  = 5,   // 0: fixed point, or a power of two where SHIFTS > 0
    parameter integer WEIGHT_BIAS           = 15,  // of pow2 the exponent of 1/largest
    parameter integer WEIGHT_SPECIALS       = 1,   // 0 none, 1 IEEE, 2 fn
    parameter integer WEIGHT_SUBNORMALS     = 1,   // 0: read as zero
    parameter integer SHIFTS                = 0,   // powers of two of a pow2 weight; else 0
    parameter integer PRODUCT_BITS          = 0,   // 0: the product is exact
    parameter integer PRODUCT_EXPONENT_BITS = 5,   // of the product format
    parameter integer PRODUCT_BIAS          = 15,  // of the product format
    parameter integer PRODUCT_SPECIALS      = 1,   // 0 none, 1 IEEE, 2 fn
    parameter integer PRODUCT_SUBNORMALS    = 1,   // 0: flush after rounding
    parameter integer PRODUCT_ROUND         = 0,   // 0 nearest even, 1 toward 0, 2 toward -inf, 3 half up, 4 +inf
    parameter integer PRODUCT_SATURATE      = 0,   // 1 saturate, 0 infinity, or NaN in a format without one
    parameter integer ACC_BITS              = 16,  // bits of a sum's code
    parameter integer ACC_EXPONENT_BITS     = 5,   // of the accumulator
    parameter integer ACC_BIAS              = 15,  // of the accumulator
    parameter integer ACC_SPECIALS          = 1,   // 0 none, 1 IEEE, 2 fn
    parameter integer ACC_SUBNORMALS        = 1,   // 0: flush after rounding
    parameter integer ROUND                 = 0,   // 0 nearest even, 1 toward 0, 2 toward -inf, 3 half up, 4 +inf
    parameter integer SATURATE              = 0    // 1 saturate, 0 infinity, or NaN in a format without one
) (
    input  logic [   ACT_BITS-1:0] act,     // activation code
    input  logic [WEIGHT_BITS-1:0] weight,  // weight code
    input  logic [   ACC_BITS-1:0] sum_in,  // accumulator code
    output logic [   ACC_BITS-1:0] sum_out  // accumulator code
);
  // ---- widths: significands, exponent fields, and the constants that their exponents stand apart by
  localparam integer WEIGHT_SHIFTS = (WEIGHT_EXPONENT_BITS > 0) ? 0 : SHIFTS;
  localparam integer ACT_SIG = (ACT_EXPONENT_BITS > 0) ? ACT_BITS - ACT_EXPONENT_BITS : ACT_BITS;
  localparam integer WEIGHT_SIG = (WEIGHT_EXPONENT_BITS > 0) ? WEIGHT_BITS - WEIGHT_EXPONENT_BITS
                                : ((SHIFTS > 0) ? 1 : WEIGHT_BITS);
  localparam integer ACT_EXP = (ACT_EXPONENT_BITS > 0) ? ACT_EXPONENT_BITS : 1;
  localparam integer WEIGHT_EXP = (WEIGHT_EXPONENT_BITS > 0) ? WEIGHT_EXPONENT_BITS
                                : ((SHIFTS > 0) ? $clog2(SHIFTS + 1) : 1);
  localparam integer EXACT = ACT_SIG + WEIGHT_SIG;  // bits of the exact product
  localparam integer ACT_OFFSET = (ACT_EXPONENT_BITS > 0) ? -ACT_BIAS - (ACT_SIG - 1) : -ACT_BIAS;
  localparam integer WEIGHT_OFFSET = (WEIGHT_EXPONENT_BITS > 0) ? -WEIGHT_BIAS - (WEIGHT_SIG - 1)
                                   : ((SHIFTS > 0) ? 1 - SHIFTS - WEIGHT_BIAS : -WEIGHT_BIAS);
  localparam integer FIELDS_MAX = ((ACT_EXPONENT_BITS > 0) ? (1 << ACT_EXP) - 1 : 0)
                                + ((WEIGHT_EXPONENT_BITS > 0) ? (1 << WEIGHT_EXP) - 1 : WEIGHT_SHIFTS);
  // Where no operand can be subnormal or fixed point, a product begins with a one or with one zero.
  localparam integer ACT_LOOSE = (ACT_EXPONENT_BITS == 0 || ACT_SUBNORMALS != 0) ? 1 : 0;
  localparam integer WEIGHT_LOOSE = (WEIGHT_EXPONENT_BITS > 0) ? ((WEIGHT_SUBNORMALS != 0) ? 1 : 0)
                                  : ((SHIFTS > 0) ? 0 : 1);
  localparam integer LOOSE = (ACT_LOOSE != 0 || WEIGHT_LOOSE != 0) ? 1 : 0;

  // The addend: the exact product, or the product format's number. Y_SHIFT brings its exponent to the accumulator's
  // numbering, in which a number with its top bit set is 1.xxx * 2^(exponent - ACC_BIAS).
  localparam integer ROUNDED = (PRODUCT_BITS > 0) ? 1 : 0;
  localparam integer Y = (ROUNDED != 0) ? PRODUCT_BITS - PRODUCT_EXPONENT_BITS : EXACT;
  localparam integer EXACT_SHIFT = ACT_OFFSET + WEIGHT_OFFSET + EXACT - 1;
  localparam integer Y_SHIFT = ACC_BIAS + ((ROUNDED != 0) ? -PRODUCT_BIAS : EXACT_SHIFT);
  localparam integer Y_FIELD_MAX = (ROUNDED != 0) ? (1 << PRODUCT_EXPONENT_BITS) - 1 : FIELDS_MAX;
  // It must begin with a one, or with one zero, unless it lies at or below the accumulator's smallest exponent.
  localparam integer NORMALISE = (ROUNDED != 0) ? ((PRODUCT_SUBNORMALS != 0 && PRODUCT_BIAS < ACC_BIAS) ? 1 : 0) : LOOSE;

  // ---- exponents: signed, wide enough for every field, constant and count on the way
  localparam integer ACC_FIELD_MAX = (1 << ACC_EXPONENT_BITS) - 1;
  localparam integer P_SHIFT = EXACT_SHIFT + PRODUCT_BIAS;
  localparam integer REACH_Y = ((Y_SHIFT < 0) ? -Y_SHIFT : Y_SHIFT) + Y_FIELD_MAX + Y;
  localparam integer REACH_P = (ROUNDED != 0) ? ((P_SHIFT < 0) ? -P_SHIFT : P_SHIFT) + FIELDS_MAX + EXACT : 0;
  localparam integer REACH = ((REACH_Y > REACH_P) ? REACH_Y : REACH_P) + ACC_FIELD_MAX;
  localparam integer EW = $clog2(REACH + 2) + 1;
  localparam integer SUM = ACC_BITS - ACC_EXPONENT_BITS;  // bits of the accumulator's significand
  localparam integer WINDOW = ((Y > SUM) ? Y : SUM) + 3;
  localparam signed [EW-1:0] Y_CONSTANT = Y_SHIFT[EW-1:0];
  localparam signed [EW-1:0] ONE = 1;

  // ---- operands and exact product
  logic act_sign, act_nan, act_infinite;
  logic weight_sign, weight_nan, weight_infinite;
  logic [ACT_SIG-1:0] act_sig;
  logic [WEIGHT_SIG-1:0] weight_sig;
  logic [ACT_EXP-1:0] act_exp;
  logic [WEIGHT_EXP-1:0] weight_exp;
  float_operand #(
      .BITS(ACT_BITS), .SIGNED(ACT_SIGNED), .EXPONENT_BITS(ACT_EXPONENT_BITS), .SPECIALS(ACT_SPECIALS),
      .SUBNORMALS(ACT_SUBNORMALS), .SHIFTS(0)
  ) read_act (
      .code(act), .sign(act_sign), .significand(act_sig), .exponent(act_exp), .nan(act_nan), .infinite(act_infinite)
  );
  float_operand #(
      .BITS(WEIGHT_BITS), .SIGNED(WEIGHT_SIGNED), .EXPONENT_BITS(WEIGHT_EXPONENT_BITS), .SPECIALS(WEIGHT_SPECIALS),
      .SUBNORMALS(WEIGHT_SUBNORMALS), .SHIFTS(WEIGHT_SHIFTS)
  ) read_weight (
      .code(weight), .sign(weight_sign), .significand(weight_sig), .exponent(weight_exp), .nan(weight_nan),
      .infinite(weight_infinite)
  );

  logic exact_sign, exact_nan, exact_infinite, exact_zero;
  logic [EXACT-1:0] exact;
  logic signed [EW-1:0] exact_field;  // sum of the operands' fields
  assign exact_sign = act_sign ^ weight_sign;
  assign exact_zero = ~(|act_sig) | ~(|weight_sig);
  assign exact_nan = act_nan | weight_nan | ((act_infinite | weight_infinite) & exact_zero);
  assign exact_infinite = act_infinite | weight_infinite;
  assign exact = {{WEIGHT_SIG{1'b0}}, act_sig} * {{ACT_SIG{1'b0}}, weight_sig};
  assign exact_field = $signed({{(EW - ACT_EXP) {1'b0}}, act_exp}) + $signed({{(EW - WEIGHT_EXP) {1'b0}}, weight_exp});

  // ---- the addend y
  logic y_sign, y_nan, y_infinite, y_zero;
  logic [Y-1:0] y_sig;           // begins with a one or with one zero, or lies low enough
  logic signed [EW-1:0] y_exp;   // of its top bit, in the accumulator's numbering
  logic [Y-1:0] y_loose;
  logic signed [EW-1:0] y_field;

  generate
    if (ROUNDED != 0) begin : g_rounded
      localparam signed [EW-1:0] P_CONSTANT = P_SHIFT[EW-1:0];
      localparam integer P_EXP = PRODUCT_EXPONENT_BITS;
      logic [PRODUCT_BITS-1:0] code;
      logic [P_EXP-1:0] field;
      float_round #(
          .IN_BITS(EXACT), .EXPONENT(EW), .LOW(1), .LEAD((LOOSE != 0) ? 2 : 1), .BITS(PRODUCT_BITS),
          .EXPONENT_BITS(PRODUCT_EXPONENT_BITS), .SPECIALS(PRODUCT_SPECIALS), .SUBNORMALS(PRODUCT_SUBNORMALS),
          .ROUND(PRODUCT_ROUND), .SATURATE(PRODUCT_SATURATE)
      ) round (
          .sign(exact_sign), .value(exact), .exponent(exact_field + P_CONSTANT), .nan(exact_nan),
          .infinite(exact_infinite), .code(code)
      );
      float_operand #(
          .BITS(PRODUCT_BITS), .SIGNED(1), .EXPONENT_BITS(PRODUCT_EXPONENT_BITS), .SPECIALS(PRODUCT_SPECIALS),
          .SUBNORMALS(PRODUCT_SUBNORMALS), .SHIFTS(0)
      ) read (
          .code(code), .sign(y_sign), .significand(y_loose), .exponent(field), .nan(y_nan), .infinite(y_infinite)
      );
      assign y_field = $signed({{(EW - P_EXP) {1'b0}}, field});
      assign y_zero = ~(|y_loose);
    end else begin : g_exact
      assign y_sign = exact_sign;
      assign y_nan = exact_nan;
      assign y_infinite = exact_infinite;
      assign y_zero = exact_zero;
      assign y_loose = exact;
      assign y_field = exact_field;
    end

    if (NORMALISE != 0) begin : g_normalise
      localparam integer COUNT = $clog2(Y + 1);
      logic [COUNT-1:0] zeros;
      float_lead #(.BITS(Y)) lead (.value(y_loose), .zeros(zeros));
      assign y_sig = y_loose << zeros;
      assign y_exp = y_field + Y_CONSTANT - $signed({{(EW - COUNT) {1'b0}}, zeros});
    end else begin : g_as_is
      assign y_sig = y_loose;
      assign y_exp = y_field + Y_CONSTANT;
    end
  endgenerate

  // ---- the sum x
  logic x_sign, x_nan, x_infinite;
  logic [SUM-1:0] x_sig;
  logic [ACC_EXPONENT_BITS-1:0] x_field;
  logic signed [EW-1:0] x_exp;
  float_operand #(
      .BITS(ACC_BITS), .SIGNED(1), .EXPONENT_BITS(ACC_EXPONENT_BITS), .SPECIALS(ACC_SPECIALS),
      .SUBNORMALS(ACC_SUBNORMALS), .SHIFTS(0)
  ) read_sum (
      .code(sum_in), .sign(x_sign), .significand(x_sig), .exponent(x_field), .nan(x_nan), .infinite(x_infinite)
  );
  assign x_exp = $signed({{(EW - ACC_EXPONENT_BITS) {1'b0}}, x_field});

  // ---- x + y: the one with the larger exponent stays, the other moves right
  logic y_stays;
  logic subtract;
  logic [WINDOW-1:0] x_wide;
  logic [WINDOW-1:0] y_wide;
  logic [WINDOW-1:0] stays;
  logic [WINDOW-1:0] moves;
  logic [WINDOW-1:0] moved;
  logic sticky;
  logic signed [EW-1:0] stays_exp;
  logic [EW-1:0] distance;
  logic [WINDOW:0] left;
  logic [WINDOW:0] right;
  logic [WINDOW+1:0] raw;
  logic [WINDOW+1:0] total;
  logic at_least;
  logic total_sign;

  assign y_stays = (y_exp > x_exp) & ~y_zero;  // a zero has no exponent
  assign subtract = x_sign ^ y_sign;
  assign x_wide = {x_sig, {(WINDOW - SUM) {1'b0}}};
  assign y_wide = {y_sig, {(WINDOW - Y) {1'b0}}};
  assign stays = y_stays ? y_wide : x_wide;
  assign moves = y_stays ? x_wide : y_wide;
  assign stays_exp = y_stays ? y_exp : x_exp;
  assign distance = y_stays ? (y_exp - x_exp) : (x_exp - y_exp);
  float_align #(.BITS(WINDOW), .DISTANCE(EW)) align (
      .value(moves), .distance(distance), .moved(moved), .sticky(sticky)
  );
  assign left = {stays, 1'b0};
  assign right = {moved, sticky};
  // |left - right| with one adder: left - right, or the inverse of left - right - 1
  assign at_least = left >= right;
  assign raw = {1'b0, left} + ({1'b0, right} ^ {(WINDOW + 2) {subtract}}) + {{(WINDOW + 1) {1'b0}}, subtract & at_least};
  assign total = raw ^ {(WINDOW + 2) {subtract & ~at_least}};
  assign total_sign = (y_stays ^ (subtract & ~at_least)) ? y_sign : x_sign;

  float_round #(
      .IN_BITS(WINDOW + 2), .EXPONENT(EW), .LOW(0), .LEAD(2), .BITS(ACC_BITS), .EXPONENT_BITS(ACC_EXPONENT_BITS),
      .SPECIALS(ACC_SPECIALS), .SUBNORMALS(ACC_SUBNORMALS), .ROUND(ROUND), .SATURATE(SATURATE)
  ) round (
      .sign((x_infinite | y_infinite) ? (x_infinite ? x_sign : y_sign) : total_sign),
      .value(total),
      .exponent(stays_exp + ONE),
      .nan(x_nan | y_nan | (x_infinite & y_infinite & subtract)),
      .infinite(x_infinite | y_infinite),
      .code(sum_out)
  );
endmodule
