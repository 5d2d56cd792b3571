// What every fixed-point core does with its product: round it to a product format, if one is named, and add it.
module fixed_product #(
    parameter integer PRODUCT_WIDTH    = 16,  // bits of the exact product
    parameter integer PRODUCT_BITS     = 0,   // bits of the product format; 0: products are exact
    parameter integer PRODUCT_SIGNED   = 1,   // 1 two's complement, 0 unsigned
    parameter integer PRODUCT_ALIGN    = 0,   // log2(step of the exact product / step of the product format)
    parameter integer PRODUCT_ROUND    = 0,   // as fixed_round
    parameter integer PRODUCT_SATURATE = 1,   // 1 saturate, 0 wrap
    parameter integer ACC_BITS         = 24,  // bits of a sum
    parameter integer ACC_SIGNED       = 1,   // 1 two's complement, 0 unsigned
    parameter integer ALIGN            = 0,   // log2(step of the (rounded) product / step of the accumulator)
    parameter integer ROUND            = 0,   // as fixed_round
    parameter integer SATURATE         = 1    // 1 saturate, 0 wrap
) (
    input  logic [PRODUCT_WIDTH-1:0] product,  // two's complement
    input  logic                     carry,    // 1 adds one step of the exact product
    input  logic [     ACC_BITS-1:0] sum_in,   // accumulator code
    output logic [     ACC_BITS-1:0] sum_out   // accumulator code
);
  generate
    if (PRODUCT_BITS == 0) begin : g_exact
      fixed_accumulate #(
          .PRODUCT_WIDTH(PRODUCT_WIDTH), .ACC_BITS(ACC_BITS), .ACC_SIGNED(ACC_SIGNED),
          .ALIGN(ALIGN), .ROUND(ROUND), .SATURATE(SATURATE)
      ) add (
          .product(product), .carry(carry), .sum_in(sum_in), .sum_out(sum_out)
      );
    end else begin : g_rounded
      localparam integer EXTENDED = PRODUCT_BITS + ((PRODUCT_SIGNED != 0) ? 0 : 1);
      logic [PRODUCT_WIDTH:0] exact;
      logic [PRODUCT_BITS-1:0] code;
      logic [EXTENDED-1:0] rounded;
      assign exact = {product[PRODUCT_WIDTH-1], product} + {{PRODUCT_WIDTH{1'b0}}, carry};
      fixed_round #(
          .IN_BITS(PRODUCT_WIDTH + 1), .ALIGN(PRODUCT_ALIGN), .OUT_BITS(PRODUCT_BITS), .OUT_SIGNED(PRODUCT_SIGNED),
          .ROUND(PRODUCT_ROUND), .SATURATE(PRODUCT_SATURATE)
      ) round (
          .value(exact), .code(code)
      );
      if (PRODUCT_SIGNED != 0) begin : g_signed
        assign rounded = code;
      end else begin : g_unsigned
        assign rounded = {1'b0, code};
      end
      fixed_accumulate #(
          .PRODUCT_WIDTH(EXTENDED), .ACC_BITS(ACC_BITS), .ACC_SIGNED(ACC_SIGNED),
          .ALIGN(ALIGN), .ROUND(ROUND), .SATURATE(SATURATE)
      ) add (
          .product(rounded), .carry(1'b0), .sum_in(sum_in), .sum_out(sum_out)
      );
    end
  endgenerate
endmodule
