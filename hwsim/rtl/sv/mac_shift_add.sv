// sum_out = round(sum_in + act * weight) for a weight that is zero or one signed power of two (pow2<B>).
//
// The weight's code is a sign over a field m: 0 is zero, m = 1 ... SHIFTS is 2^(1-m). In steps of the smallest
// power, the product is act << (SHIFTS - m): the activation, placed at the top, moves right by m - 1.
// Sign and zero act on the narrow activation before the shifter; the missing +1 of a negation is the adder's carry.
module mac_shift_add #(
    parameter integer ACT_BITS         = 8,   // bits of the activation
    parameter integer ACT_SIGNED       = 1,   // 1 two's complement, 0 unsigned
    parameter integer WEIGHT_BITS      = 4,   // bits of the weight's code
    parameter integer SHIFTS           = 4,   // powers of two: 1 to 2^(WEIGHT_BITS-1) - 1
    parameter integer ACC_BITS         = 24,  // bits of a sum
    parameter integer ACC_SIGNED       = 1,   // 1 two's complement, 0 unsigned
    parameter integer PRODUCT_BITS     = 0,   // bits of the format that products are rounded to; 0: exact
    parameter integer PRODUCT_SIGNED   = 1,   // 1 two's complement, 0 unsigned
    parameter integer PRODUCT_ALIGN    = 0,   // log2(step of the exact product / step of the product format)
    parameter integer PRODUCT_ROUND    = 0,   // of products: 0 nearest even, 1 to 0, 2 to -inf, 3 half up, 4 to +inf
    parameter integer PRODUCT_SATURATE = 1,   // 1 saturate, 0 wrap
    parameter integer ALIGN            = 0,   // log2(step of the product / step of the accumulator)
    parameter integer ROUND            = 0,   // of sums, numbered as PRODUCT_ROUND
    parameter integer SATURATE         = 1    // 1 saturate, 0 wrap
) (
    input  logic [   ACT_BITS-1:0] act,     // activation code
    input  logic [WEIGHT_BITS-1:0] weight,  // weight code
    input  logic [   ACC_BITS-1:0] sum_in,  // accumulator code
    output logic [   ACC_BITS-1:0] sum_out  // accumulator code
);
  localparam integer FIELD = WEIGHT_BITS - 1;
  localparam integer OPERAND = ACT_BITS + ((ACT_SIGNED != 0) ? 0 : 1);
  localparam integer WIDTH = OPERAND + SHIFTS - 1;
  localparam integer POWER = ((SHIFTS & (SHIFTS - 1)) == 0) ? 1 : 0;  // SHIFTS is a power of two
  localparam integer AMOUNT = (POWER != 0) ? $clog2(SHIFTS) : $clog2(SHIFTS + 1);

  logic [  FIELD-1:0] field;
  logic               nonzero;
  logic               negative;
  logic [OPERAND-1:0] extended;
  logic [OPERAND-1:0] operand;  // the activation, zero or inverted as the weight says
  logic [  WIDTH-1:0] product;

  assign field = weight[FIELD-1:0];
  assign nonzero = |field;
  assign negative = weight[WEIGHT_BITS-1] & nonzero;
  assign operand = (extended & {OPERAND{nonzero}}) ^ {OPERAND{negative}};

  generate
    if (ACT_SIGNED != 0) begin : g_signed
      assign extended = act;
    end else begin : g_unsigned
      assign extended = {1'b0, act};
    end

    if (SHIFTS == 1) begin : g_no_shift
      assign product = operand;
    end else if (POWER != 0) begin : g_short
      // m - 1 needs one bit less than m; the zero weight's m - 1 wraps, and moves zeros
      logic [AMOUNT-1:0] amount;
      logic signed [WIDTH-1:0] top;
      assign amount = field[AMOUNT-1:0] - {{(AMOUNT - 1) {1'b0}}, 1'b1};
      assign top = {operand, {(SHIFTS - 1) {negative}}};
      assign product = top >>> amount;
    end else begin : g_direct
      // one place more at the low end, so that the field itself is the distance
      logic signed [WIDTH:0] top;
      logic signed [WIDTH:0] moved;
      logic unused;
      assign top = {operand, {SHIFTS{negative}}};
      assign moved = top >>> field[AMOUNT-1:0];
      assign product = moved[WIDTH-1:0];
      assign unused = moved[WIDTH];
    end
  endgenerate

  fixed_product #(
      .PRODUCT_WIDTH(WIDTH), .PRODUCT_BITS(PRODUCT_BITS), .PRODUCT_SIGNED(PRODUCT_SIGNED),
      .PRODUCT_ALIGN(PRODUCT_ALIGN), .PRODUCT_ROUND(PRODUCT_ROUND), .PRODUCT_SATURATE(PRODUCT_SATURATE),
      .ACC_BITS(ACC_BITS), .ACC_SIGNED(ACC_SIGNED), .ALIGN(ALIGN), .ROUND(ROUND), .SATURATE(SATURATE)
  ) add (
      .product(product), .carry(negative), .sum_in(sum_in), .sum_out(sum_out)
  );
endmodule
