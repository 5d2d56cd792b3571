// Single operations, as the price tables list them. Everything here is in the common subset of Yosys 0.23, Icarus 11 and
// Verilator 5; the multiplier and the floating-point units are the ones of the processing elements.

// Sum of two words, without carry out.
module op_add #(
    parameter integer BITS = 8
) (
    input  logic [BITS-1:0] a,
    input  logic [BITS-1:0] b,
    output logic [BITS-1:0] y
);
  assign y = a + b;
endmodule

// Full product of two words in two's complement: the integer multiply-accumulate with nothing to add to.
module op_mul #(
    parameter integer BITS = 8
) (
    input  logic [  BITS-1:0] a,
    input  logic [  BITS-1:0] b,
    output logic [2*BITS-1:0] y
);
  mac_core #(
      .KIND(2), .ACT_BITS(BITS), .WEIGHT_BITS(BITS), .ACC_BITS(2 * BITS), .SATURATE(0), .STYLE(1)
  ) core (.act(a), .weight(b), .sum_in({(2 * BITS) {1'b0}}), .sum_out(y));
endmodule

// Left shift by 0 to POSITIONS - 1 places (POSITIONS a power of two); what leaves the word is lost.
module op_shift #(
    parameter integer BITS = 8,
    parameter integer POSITIONS = 8
) (
    input  logic [             BITS-1:0] a,
    input  logic [$clog2(POSITIONS)-1:0] b,
    output logic [             BITS-1:0] y
);
  assign y = a << b;
endmodule

// Whether one word in two's complement is less than another.
module op_compare #(
    parameter integer BITS = 8
) (
    input  logic [BITS-1:0] a,
    input  logic [BITS-1:0] b,
    output logic            y
);
  assign y = $signed(a) < $signed(b);
endmodule

// A word of a table of ENTRIES words (a power of two) that is loaded in a chain and then stays.
module op_lut #(
    parameter integer BITS = 16,
    parameter integer ENTRIES = 16
) (
    input  logic                       clk,
    input  logic                       load,  // the chain moves by one word
    input  logic [           BITS-1:0] a,     // first word of the chain
    input  logic [$clog2(ENTRIES)-1:0] b,     // which word is wanted
    output logic [           BITS-1:0] y
);
  logic [BITS*ENTRIES-1:0] words;
  always_ff @(posedge clk) if (load) words <= {words[BITS*(ENTRIES-1)-1:0], a};
  assign y = words[b*BITS+:BITS];
endmodule

// A register that captures a word every cycle.
module op_register #(
    parameter integer BITS = 8
) (
    input  logic            clk,
    input  logic [BITS-1:0] a,
    output logic [BITS-1:0] y
);
  always_ff @(posedge clk) y <= a;
endmodule

// Floating-point product with IEEE specials and subnormals, rounded once: the multiply-accumulate that adds zero.
module op_float_mul #(
    parameter integer EXPONENT = 5,
    parameter integer MANTISSA = 10
) (
    input  logic [EXPONENT+MANTISSA:0] a,
    input  logic [EXPONENT+MANTISSA:0] b,
    output logic [EXPONENT+MANTISSA:0] y
);
  op_float #(.EXPONENT(EXPONENT), .MANTISSA(MANTISSA)) mac (
      .a(a), .b(b), .c({(EXPONENT + MANTISSA + 1) {1'b0}}), .y(y)
  );
endmodule

// Floating-point sum with IEEE specials and subnormals: the multiply-accumulate that multiplies by one.
module op_float_add #(
    parameter integer EXPONENT = 5,
    parameter integer MANTISSA = 10
) (
    input  logic [EXPONENT+MANTISSA:0] a,
    input  logic [EXPONENT+MANTISSA:0] b,
    output logic [EXPONENT+MANTISSA:0] y
);
  localparam [EXPONENT:0] ONE = (1 << (EXPONENT - 1)) - 1;
  op_float #(.EXPONENT(EXPONENT), .MANTISSA(MANTISSA)) mac (
      .a(a), .b({ONE, {MANTISSA{1'b0}}}), .c(b), .y(y)
  );
endmodule

module op_float #(
    parameter integer EXPONENT = 5,
    parameter integer MANTISSA = 10
) (
    input  logic [EXPONENT+MANTISSA:0] a,
    input  logic [EXPONENT+MANTISSA:0] b,
    input  logic [EXPONENT+MANTISSA:0] c,
    output logic [EXPONENT+MANTISSA:0] y
);
  localparam integer BITS = 1 + EXPONENT + MANTISSA;
  localparam integer BIAS = (1 << (EXPONENT - 1)) - 1;
  mac_core #(
      .KIND(3), .STYLE(1), .SATURATE(0), .PRODUCT_SATURATE(0), .PRODUCT_BITS(BITS),
      .ACT_BITS(BITS), .ACT_EXPONENT_BITS(EXPONENT), .ACT_BIAS(BIAS), .ACT_SPECIALS(1),
      .WEIGHT_BITS(BITS), .WEIGHT_EXPONENT_BITS(EXPONENT), .WEIGHT_BIAS(BIAS), .WEIGHT_SPECIALS(1),
      .PRODUCT_EXPONENT_BITS(EXPONENT), .PRODUCT_BIAS(BIAS), .PRODUCT_SPECIALS(1),
      .ACC_BITS(BITS), .ACC_EXPONENT_BITS(EXPONENT), .ACC_BIAS(BIAS), .ACC_SPECIALS(1)
  ) core (.act(a), .weight(b), .sum_in(c), .sum_out(y));
endmodule
