// sum_out = round(sum_in + act * weight) for a weight that sums TERMS signed powers of two.
//
// TERM_BITS = 0, additive powers of two (apot<B>): the code is a sign over fields of two bits, first term lowest; with
// n = (WEIGHT_BITS-1)/2 of them, field 0 of term i is nothing and 1, 2, 3 are 2^-i, 2^-(i+n), 2^-(i+2n). An odd bit on
// top adds 2^-2n and moves the last exponents down by one place.
// TERM_BITS > 0, shiftcnn<TERMS,TERM_BITS>: per term, first one lowest, a sign over a field m that is nothing or 2^(1-m-i).
module mac_multi_shift_add #(
    parameter integer ACT_BITS         = 8,   // bits of the activation
    parameter integer ACT_SIGNED       = 1,   // 1 two's complement, 0 unsigned
    parameter integer WEIGHT_BITS      = 5,   // bits of the weight's code
    parameter integer TERMS            = 2,   // powers of two
    parameter integer TERM_BITS        = 0,   // bits of each term with its sign; 0: apot
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
  localparam integer PAIRS = (WEIGHT_BITS - 1) / 2;
  localparam integer ODD = (WEIGHT_BITS - 1) % 2;
  localparam integer PLACES = (TERM_BITS > 0) ? (1 << (TERM_BITS - 1)) - 1 : 3;
  localparam integer LOW = (TERM_BITS > 0) ? TERMS - 1 + PLACES - 1 : 3 * PAIRS - 1 + ODD;  // smallest power is 2^-LOW
  localparam integer OPERAND = ACT_BITS + ((ACT_SIGNED != 0) ? 0 : 1);
  localparam integer WIDTH = OPERAND + LOW;  // bits of a term
  localparam integer PRODUCT = WIDTH + 1;    // the terms of a weight sum to less than 2

  logic [OPERAND-1:0] extended;
  logic [  WIDTH-1:0] row[0:TERMS-1];
  logic [  TERMS-1:0] negative;

  genvar i;
  generate
    if (ACT_SIGNED != 0) begin : g_signed
      assign extended = act;
    end else begin : g_unsigned
      assign extended = {1'b0, act};
    end

    for (i = 0; i < TERMS; i = i + 1) begin : g_term
      if (TERM_BITS > 0) begin : g_own_sign
        shift_term #(.OPERAND(OPERAND), .LOW(LOW), .FIELD(TERM_BITS - 1), .SELECT(0), .FIRST(i)) term (
            .act(extended), .sign(weight[i*TERM_BITS+TERM_BITS-1]), .field(weight[i*TERM_BITS+:TERM_BITS-1]),
            .row(row[i]), .negative(negative[i])
        );
      end else if (i < PAIRS) begin : g_pair
        shift_term #(
            .OPERAND(OPERAND), .LOW(LOW), .FIELD(2), .SELECT(1),
            .FIRST(i), .SECOND(i + PAIRS), .THIRD(i + 2 * PAIRS + ODD)
        ) term (
            .act(extended), .sign(weight[WEIGHT_BITS-1]), .field(weight[2*i+:2]),
            .row(row[i]), .negative(negative[i])
        );
      end else begin : g_odd
        shift_term #(.OPERAND(OPERAND), .LOW(LOW), .FIELD(1), .SELECT(0), .FIRST(2 * PAIRS)) term (
            .act(extended), .sign(weight[WEIGHT_BITS-1]), .field(weight[2*PAIRS]),
            .row(row[i]), .negative(negative[i])
        );
      end
    end
  endgenerate

  logic [PRODUCT-1:0] partial[0:TERMS]  /* verilator split_var */;  // after each term
  assign partial[0] = {PRODUCT{1'b0}};
  generate
    for (i = 0; i < TERMS; i = i + 1) begin : g_add
      if (i == 0) begin : g_carry  // its +1 is the carry of the last adder
        assign partial[i+1] = partial[i] + {row[i][WIDTH-1], row[i]};
      end else begin : g_whole
        assign partial[i+1] = partial[i] + {row[i][WIDTH-1], row[i]} + {{(PRODUCT - 1) {1'b0}}, negative[i]};
      end
    end
  endgenerate

  fixed_product #(
      .PRODUCT_WIDTH(PRODUCT), .PRODUCT_BITS(PRODUCT_BITS), .PRODUCT_SIGNED(PRODUCT_SIGNED),
      .PRODUCT_ALIGN(PRODUCT_ALIGN), .PRODUCT_ROUND(PRODUCT_ROUND), .PRODUCT_SATURATE(PRODUCT_SATURATE),
      .ACC_BITS(ACC_BITS), .ACC_SIGNED(ACC_SIGNED), .ALIGN(ALIGN), .ROUND(ROUND), .SATURATE(SATURATE)
  ) add (
      .product(partial[TERMS]), .carry(negative[0]), .sum_in(sum_in), .sum_out(sum_out)
  );
endmodule
