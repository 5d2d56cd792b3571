// Reads the code of an operand as (-1)^sign * significand * 2^(exponent + a constant that mac_float knows).
//
// Three kinds: floating point (EXPONENT_BITS > 0), a power of two (SHIFTS > 0), fixed point (neither).
module float_operand #(
    parameter integer BITS          = 16,  // bits of the code
    parameter integer SIGNED        = 1,   // fixed point: 1 two's complement, 0 unsigned
    parameter integer EXPONENT_BITS = 5,   // E of floating point; else 0
    parameter integer SPECIALS      = 1,   // 0 none, 1 IEEE infinities and NaNs, 2 all ones is NaN (fn)
    parameter integer SUBNORMALS    = 1,   // 1 kept, 0 read as zero
    parameter integer SHIFTS        = 0,   // powers of two of a pow2 code; else 0
    parameter integer SIG = (EXPONENT_BITS > 0) ? BITS - EXPONENT_BITS : ((SHIFTS > 0) ? 1 : BITS),  // derived
    parameter integer EXP = (EXPONENT_BITS > 0) ? EXPONENT_BITS : ((SHIFTS > 0) ? $clog2(SHIFTS + 1) : 1)  // derived
) (
    input  logic [BITS-1:0] code,         // of the operand's format
    output logic            sign,         // 1 negative; of a zero, anything
    output logic [ SIG-1:0] significand,  // hidden bit included
    output logic [ EXP-1:0] exponent,     // field, at least 1; SHIFTS - field of a power of two; 0 of fixed point
    output logic            nan,          // not a number
    output logic            infinite      // an infinity of this sign
);
  localparam [EXP-1:0] ONE = 1;
  localparam [BITS-1:0] STEP = 1;
  generate
    if (EXPONENT_BITS > 0) begin : g_float
      localparam integer M = BITS - 1 - EXPONENT_BITS;
      logic [EXP-1:0] field;
      logic normal;
      assign sign = code[BITS-1];
      assign field = code[BITS-2:M];
      assign normal = |field;
      assign exponent = normal ? field : ONE;
      if (M == 0) begin : g_no_fraction
        assign significand = normal;
      end else begin : g_fraction
        assign significand = {normal, code[M-1:0] & {M{normal | (SUBNORMALS != 0)}}};
      end
      if (SPECIALS == 1) begin : g_ieee
        assign nan = (&field) & (|code[M-1:0]);
        assign infinite = (&field) & ~(|code[M-1:0]);
      end else begin : g_finite
        assign nan = (SPECIALS == 2) & (&code[BITS-2:0]);
        assign infinite = 1'b0;
      end
    end else if (SHIFTS > 0) begin : g_power
      logic [EXP-1:0] field;
      assign field = code[EXP-1:0];
      assign sign = code[BITS-1];
      assign significand = |code[BITS-2:0];
      assign exponent = SHIFTS[EXP-1:0] - field;
      assign nan = 1'b0;
      assign infinite = 1'b0;
    end else begin : g_fixed
      assign sign = (SIGNED != 0) & code[BITS-1];
      assign significand = (code ^ {BITS{sign}}) + (STEP & {BITS{sign}});
      assign exponent = 1'b0;
      assign nan = 1'b0;
      assign infinite = 1'b0;
    end
  endgenerate
endmodule
