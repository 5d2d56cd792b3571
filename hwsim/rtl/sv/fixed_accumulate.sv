// Adds a fixed-point product to a sum and rounds the result to the accumulator's format once.
//
// The number added is product + carry: a negation costs no adder of its own, ~x goes in with carry 1.
module fixed_accumulate #(
    parameter integer PRODUCT_WIDTH = 16,  // bits of product
    parameter integer ACC_BITS      = 24,  // bits of a sum
    parameter integer ACC_SIGNED    = 1,   // 1 two's complement, 0 unsigned
    parameter integer ALIGN         = 0,   // log2(step of the product / step of the accumulator)
    parameter integer ROUND         = 0,   // as fixed_round
    parameter integer SATURATE      = 1    // 1 saturate, 0 wrap
) (
    input  logic [PRODUCT_WIDTH-1:0] product,  // two's complement
    input  logic                     carry,    // 1 adds one step of the product
    input  logic [     ACC_BITS-1:0] sum_in,   // accumulator code
    output logic [     ACC_BITS-1:0] sum_out   // accumulator code
);
  localparam integer DROP = (ALIGN < 0) ? -ALIGN : 0;
  localparam integer LIFT = (ALIGN > 0) ? ALIGN : 0;
  localparam integer SUM_WIDTH = ACC_BITS + ((ACC_SIGNED != 0) ? 0 : 1) + DROP;
  localparam integer ADD_WIDTH = PRODUCT_WIDTH + LIFT;
  localparam integer FULL = ((SUM_WIDTH > ADD_WIDTH) ? SUM_WIDTH : ADD_WIDTH) + 1;
  // A sum that wraps needs no bit above the code, except where the rounding looks at the sign of the exact sum.
  localparam integer SHORT = (SATURATE == 0 && !(ROUND == 1 && DROP > 0)) ? 1 : 0;
  localparam integer WIDE = (SHORT != 0) ? ACC_BITS + DROP : FULL;

  logic [FULL-1:0] sum_full;
  logic [FULL-1:0] product_full;
  logic            sum_sign;
  logic [  WIDE:0] total;  // one more bit at the low end makes the carry

  assign sum_sign = (ACC_SIGNED != 0) & sum_in[ACC_BITS-1];
  generate
    if (DROP > 0) begin : g_drop
      assign sum_full = {{(FULL - ACC_BITS - DROP) {sum_sign}}, sum_in, {DROP{1'b0}}};
    end else begin : g_same
      assign sum_full = {{(FULL - ACC_BITS) {sum_sign}}, sum_in};
    end
    if (LIFT > 0) begin : g_lift
      assign product_full = {{(FULL - ADD_WIDTH) {product[PRODUCT_WIDTH-1]}}, product, {LIFT{carry}}};
    end else begin : g_flat
      assign product_full = {{(FULL - PRODUCT_WIDTH) {product[PRODUCT_WIDTH-1]}}, product};
    end
    if (WIDE < FULL) begin : g_short
      logic unused;
      assign unused = ^{sum_full[FULL-1:WIDE], product_full[FULL-1:WIDE]};
    end
  endgenerate

  assign total = {sum_full[WIDE-1:0], 1'b1} + {product_full[WIDE-1:0], carry};

  fixed_round #(
      .IN_BITS(WIDE), .ALIGN(-DROP), .OUT_BITS(ACC_BITS), .OUT_SIGNED(ACC_SIGNED), .ROUND(ROUND), .SATURATE(SATURATE)
  ) round (
      .value(total[WIDE:1]), .code(sum_out)
  );

  logic unused_carry;
  assign unused_carry = total[0];
endmodule
