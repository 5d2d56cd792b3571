// Normalises a magnitude, rounds it once and packs it as a floating-point code.
//
// The number is (-1)^sign * value / 2^(IN_BITS-1) * 2^(exponent - bias): with its top bit set, value is 1.xxx.
// The lowest bit of value may be a sticky bit. Zero has no sign; a NaN is one code.
module float_round #(
    parameter integer IN_BITS       = 26,  // bits of value
    parameter integer EXPONENT      = 8,   // bits of exponent
    parameter integer LOW           = 0,   // 1: exponent may be below 1, 0: never
    parameter integer LEAD          = 2,   // value begins with at most LEAD zeros, or is zero; 2 stands for any number
    parameter integer BITS          = 16,  // bits of the code
    parameter integer EXPONENT_BITS = 5,   // E
    parameter integer SPECIALS      = 1,   // as float_operand
    parameter integer SUBNORMALS    = 1,   // 0: flush to zero after rounding
    parameter integer ROUND         = 0,   // 0 nearest even, 1 toward 0, 2 toward -inf, 3 half up, 4 toward +inf
    parameter integer SATURATE      = 0    // 1 the largest number, 0 infinity, or NaN in a format without one
) (
    input  logic                       sign,      // 1 negative
    input  logic        [ IN_BITS-1:0] value,     // magnitude
    input  logic signed [EXPONENT-1:0] exponent,  // in the field's numbering
    input  logic                       nan,       // the result is NaN
    input  logic                       infinite,  // the result is an infinity of this sign
    output logic        [    BITS-1:0] code       // of the format
);
  localparam integer M = BITS - 1 - EXPONENT_BITS;
  localparam integer WIDE = (IN_BITS > M + 3) ? IN_BITS : M + 3;  // significand, guard, sticky
  localparam integer PACK = EXPONENT + M + 1;
  localparam [BITS-2:0] NOTHING = {(BITS - 1) {1'b0}};
  localparam [BITS-2:0] TOP = {(BITS - 1) {1'b1}};
  localparam [BITS-2:0] FRACTION = TOP >> EXPONENT_BITS;  // all ones of the fraction
  localparam [BITS-2:0] LARGEST = (SPECIALS == 1) ? (((TOP ^ FRACTION) << 1) & (TOP ^ FRACTION)) | FRACTION
                                : ((SPECIALS == 2) ? (TOP << 1) : TOP);
  localparam signed [EXPONENT-1:0] ONE = 1;
  localparam signed [EXPONENT-1:0] NONE = 0;
  localparam [BITS-2:0] INFINITY = TOP - FRACTION;
  localparam [BITS-2:0] QUIET = (SPECIALS == 1) ? (INFINITY | (FRACTION ^ (FRACTION >> 1))) : TOP;

  logic        [    WIDE-1:0] wide;
  logic        [    WIDE-1:0] placed;      // the significand's top bit is bit WIDE-1; of a subnormal it is zero
  logic        [    WIDE-1:0] denormal;    // wide, moved right where exponent is below 1
  logic        [EXPONENT-1:0] below_one;   // max(exponent, 1) - 1: the farthest that value may move left
  logic        [EXPONENT-1:0] field;       // field - 1 of the result; the significand's top bit adds the 1
  logic                       guard;
  logic                       sticky;
  logic                       up;
  logic        [    PACK-1:0] field_wide;
  logic        [    PACK-1:0] packed_code;
  logic                       over;
  logic                       zero;
  logic                       vanishes;    // flushed whatever the rounding
  logic        [    BITS-2:0] magnitude;

  generate
    if (WIDE > IN_BITS) begin : g_pad
      assign wide = {value, {(WIDE - IN_BITS) {1'b0}}};
    end else begin : g_wide
      assign wide = value;
    end

    if (LOW != 0 && SUBNORMALS == 0 && M > 0) begin : g_low_flushed
      // Only a number just below the smallest normal one can round up to it; all others are flushed.
      assign vanishes = exponent < NONE;
      assign denormal = (exponent < ONE) ? {1'b0, wide[WIDE-1:2], wide[1] | wide[0]} : wide;
      assign below_one = (exponent < ONE) ? {EXPONENT{1'b0}} : exponent - ONE;
    end else if (LOW != 0) begin : g_low
      logic [EXPONENT-1:0] distance;
      logic [WIDE-1:0] moved;
      logic lost;
      logic low;
      assign vanishes = 1'b0;
      assign low = exponent < ONE;
      assign distance = low ? ONE - exponent : {EXPONENT{1'b0}};
      float_align #(.BITS(WIDE), .DISTANCE(EXPONENT)) align (
          .value(wide), .distance(distance), .moved(moved), .sticky(lost)
      );
      assign denormal = {moved[WIDE-1:1], moved[0] | lost};
      assign below_one = low ? {EXPONENT{1'b0}} : exponent - ONE;
    end else begin : g_not_low
      assign vanishes = 1'b0;
      assign denormal = wide;
      assign below_one = exponent - ONE;
    end

    if (LEAD != 0) begin : g_lead
      localparam integer COUNT = (LEAD == 1) ? 1 : $clog2(IN_BITS + 1);
      localparam integer COMPARE = (COUNT > EXPONENT) ? COUNT : EXPONENT;
      logic [COUNT-1:0] zeros;
      logic [COMPARE-1:0] zeros_wide;
      logic [COMPARE-1:0] limit_wide;
      logic limited;
      logic [COUNT-1:0] left;
      if (LEAD == 1) begin : g_one
        assign zeros = ~value[IN_BITS-1];
      end else begin : g_any
        float_lead #(.BITS(IN_BITS)) lead (.value(value), .zeros(zeros));
      end
      if (COMPARE > COUNT) begin : g_zeros
        assign zeros_wide = {{(COMPARE - COUNT) {1'b0}}, zeros};
      end else begin : g_zeros_same
        assign zeros_wide = zeros;
      end
      if (COMPARE > EXPONENT) begin : g_limit
        assign limit_wide = {{(COMPARE - EXPONENT) {1'b0}}, below_one};
      end else begin : g_limit_same
        assign limit_wide = below_one;
      end
      assign limited = zeros_wide > limit_wide;
      assign left = limited ? limit_wide[COUNT-1:0] : zeros;
      assign placed = denormal << left;
      assign field = limited ? {EXPONENT{1'b0}} : below_one - zeros_wide[EXPONENT-1:0];
    end else begin : g_normal
      assign placed = denormal;
      assign field = below_one;
    end

    if (ROUND == 0) begin : g_nearest_even
      assign up = guard & (sticky | placed[WIDE-1-M]);
    end else if (ROUND == 1) begin : g_toward_zero
      assign up = 1'b0;
    end else if (ROUND == 2) begin : g_toward_negative
      assign up = sign & (guard | sticky);
    end else if (ROUND == 3) begin : g_half_up
      assign up = guard & (sticky | ~sign);
    end else begin : g_toward_positive
      assign up = ~sign & (guard | sticky);
    end
  endgenerate

  assign guard = placed[WIDE-2-M];
  assign sticky = |placed[WIDE-3-M:0];
  assign zero = ~(|value) | vanishes;
  // A carry out of the significand moves the exponent up by one, which is what it should do.
  assign field_wide = {{(M + 1) {1'b0}}, field};
  assign packed_code = ((field_wide << M) + {{EXPONENT{1'b0}}, placed[WIDE-1:WIDE-1-M]}) + {{(PACK - 1) {1'b0}}, up};
  assign over = packed_code > {{(PACK - BITS + 1) {1'b0}}, LARGEST};

  logic inward;  // a directed rounding that points inward does not overflow (IEEE 754-2019 7.4)
  assign inward = (ROUND == 1) | ((ROUND == 2) & ~sign) | ((ROUND == 4) & sign);

  logic [BITS-2:0] overflowed;
  assign overflowed = (SATURATE != 0) ? LARGEST : ((SPECIALS == 1) ? INFINITY : QUIET);
  assign magnitude = nan ? ((SPECIALS != 0) ? QUIET : NOTHING)
                   : infinite ? overflowed
                   : zero ? NOTHING
                   : ~over ? packed_code[BITS-2:0]
                   : inward ? LARGEST : overflowed;

  logic flushed;  // below the smallest normal number
  logic no_sign;  // NaN has one code, the positive one
  assign flushed = (SUBNORMALS == 0) & ~(|magnitude[BITS-2:M]);
  assign no_sign = nan | ((SATURATE == 0) & (SPECIALS != 1) & (infinite | (over & ~inward & ~zero)));
  assign code = (flushed | ~(|magnitude)) ? {BITS{1'b0}} : {sign & ~no_sign, magnitude};
endmodule
