// sum_out = round(sum_in + act * weight) for fixed-point operands, signed or not.
//
// STYLE 0 leaves the multiplier to the tool. STYLE 1 adds Baugh-Wooley rows (IEEE Trans. Computers C-22, 1973) and
// the sum in one carry-save array: a partial product with a negative place value -2^p enters inverted, as
// (1 - bit) * 2^p - 2^p, and the constants -2^p of all of them meet in one number.
module mac_int #(
    parameter integer STYLE            = 0,   // 0 behavioural, 1 Baugh-Wooley rows
    parameter integer ACT_BITS         = 8,   // bits of the activation
    parameter integer ACT_SIGNED       = 1,   // 1 two's complement, 0 unsigned
    parameter integer WEIGHT_BITS      = 8,   // bits of the weight
    parameter integer WEIGHT_SIGNED    = 1,   // 1 two's complement, 0 unsigned
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
  // An unsigned operand times a signed one is signed, and two unsigned ones need a sign bit to be added.
  localparam integer WIDTH = ACT_BITS + WEIGHT_BITS + ((ACT_SIGNED != 0 || WEIGHT_SIGNED != 0) ? 0 : 1);

  generate
    if (STYLE == 0) begin : g_behavioural
      logic signed [WIDTH-1:0] act_wide;
      logic signed [WIDTH-1:0] weight_wide;
      logic signed [WIDTH-1:0] product;
      logic act_sign;
      logic weight_sign;
      assign act_sign = (ACT_SIGNED != 0) & act[ACT_BITS-1];
      assign weight_sign = (WEIGHT_SIGNED != 0) & weight[WEIGHT_BITS-1];
      assign act_wide = {{(WIDTH - ACT_BITS) {act_sign}}, act};
      assign weight_wide = {{(WIDTH - WEIGHT_BITS) {weight_sign}}, weight};
      assign product = act_wide * weight_wide;
      fixed_product #(
          .PRODUCT_WIDTH(WIDTH), .PRODUCT_BITS(PRODUCT_BITS), .PRODUCT_SIGNED(PRODUCT_SIGNED),
          .PRODUCT_ALIGN(PRODUCT_ALIGN), .PRODUCT_ROUND(PRODUCT_ROUND), .PRODUCT_SATURATE(PRODUCT_SATURATE),
          .ACC_BITS(ACC_BITS), .ACC_SIGNED(ACC_SIGNED), .ALIGN(ALIGN), .ROUND(ROUND), .SATURATE(SATURATE)
      ) add (
          .product(product), .carry(1'b0), .sum_in(sum_in), .sum_out(sum_out)
      );
    end else if (PRODUCT_BITS != 0) begin : g_rows
      logic [WIDTH-1:0] product;
      int_rows #(
          .ACT_BITS(ACT_BITS), .ACT_SIGNED(ACT_SIGNED), .WEIGHT_BITS(WEIGHT_BITS), .WEIGHT_SIGNED(WEIGHT_SIGNED),
          .LIFT(0), .WIDTH(WIDTH)
      ) rows (
          .act(act), .weight(weight), .start({WIDTH{1'b0}}), .total(product)
      );
      fixed_product #(
          .PRODUCT_WIDTH(WIDTH), .PRODUCT_BITS(PRODUCT_BITS), .PRODUCT_SIGNED(PRODUCT_SIGNED),
          .PRODUCT_ALIGN(PRODUCT_ALIGN), .PRODUCT_ROUND(PRODUCT_ROUND), .PRODUCT_SATURATE(PRODUCT_SATURATE),
          .ACC_BITS(ACC_BITS), .ACC_SIGNED(ACC_SIGNED), .ALIGN(ALIGN), .ROUND(ROUND), .SATURATE(SATURATE)
      ) add (
          .product(product), .carry(1'b0), .sum_in(sum_in), .sum_out(sum_out)
      );
    end else begin : g_fused_rows
      // the widths of fixed_accumulate, but the sum is the first row of the array
      localparam integer DROP = (ALIGN < 0) ? -ALIGN : 0;
      localparam integer LIFT = (ALIGN > 0) ? ALIGN : 0;
      localparam integer SUM_WIDTH = ACC_BITS + ((ACC_SIGNED != 0) ? 0 : 1) + DROP;
      localparam integer ADD_WIDTH = WIDTH + LIFT;
      localparam integer FULL = ((SUM_WIDTH > ADD_WIDTH) ? SUM_WIDTH : ADD_WIDTH) + 1;
      localparam integer SHORT = (SATURATE == 0 && !(ROUND == 1 && DROP > 0)) ? 1 : 0;
      localparam integer TOTAL = (SHORT != 0) ? ACC_BITS + DROP : FULL;
      logic [FULL-1:0] sum_full;
      logic [TOTAL-1:0] total;
      logic sum_sign;
      assign sum_sign = (ACC_SIGNED != 0) & sum_in[ACC_BITS-1];
      if (DROP > 0) begin : g_drop
        assign sum_full = {{(FULL - ACC_BITS - DROP) {sum_sign}}, sum_in, {DROP{1'b0}}};
      end else begin : g_same
        assign sum_full = {{(FULL - ACC_BITS) {sum_sign}}, sum_in};
      end
      if (TOTAL < FULL) begin : g_short
        logic unused;
        assign unused = ^sum_full[FULL-1:TOTAL];
      end
      int_rows #(
          .ACT_BITS(ACT_BITS), .ACT_SIGNED(ACT_SIGNED), .WEIGHT_BITS(WEIGHT_BITS), .WEIGHT_SIGNED(WEIGHT_SIGNED),
          .LIFT(LIFT), .WIDTH(TOTAL)
      ) rows (
          .act(act), .weight(weight), .start(sum_full[TOTAL-1:0]), .total(total)
      );
      fixed_round #(
          .IN_BITS(TOTAL), .ALIGN(-DROP), .OUT_BITS(ACC_BITS), .OUT_SIGNED(ACC_SIGNED),
          .ROUND(ROUND), .SATURATE(SATURATE)
      ) round (
          .value(total), .code(sum_out)
      );
    end
  endgenerate
endmodule
