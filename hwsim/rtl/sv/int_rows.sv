// total = start + (act * weight << LIFT) modulo 2^WIDTH as Baugh-Wooley rows, one per bit of the shorter operand.
//
// The additions form one chain without branches: Yosys makes one compressor tree of full adders of it (alumacc).
module int_rows #(
    parameter integer ACT_BITS      = 8,   // bits of the activation
    parameter integer ACT_SIGNED    = 1,   // 1 two's complement, 0 unsigned
    parameter integer WEIGHT_BITS   = 8,   // bits of the weight
    parameter integer WEIGHT_SIGNED = 1,   // 1 two's complement, 0 unsigned
    parameter integer LIFT          = 0,   // places that the product is moved left
    parameter integer WIDTH         = 24   // bits of start and total
) (
    input  logic [   ACT_BITS-1:0] act,     // activation code
    input  logic [WEIGHT_BITS-1:0] weight,  // weight code
    input  logic [      WIDTH-1:0] start,   // added to the product
    output logic [      WIDTH-1:0] total    // the sum
);
  // Rows come from the bits of the shorter operand: fewer of them.
  localparam integer SWAP = (WEIGHT_BITS < ACT_BITS) ? 1 : 0;
  localparam integer ROWS = (SWAP != 0) ? WEIGHT_BITS : ACT_BITS;
  localparam integer LONG = (SWAP != 0) ? ACT_BITS : WEIGHT_BITS;
  localparam integer ROW_SIGNED = (SWAP != 0) ? WEIGHT_SIGNED : ACT_SIGNED;
  localparam integer LONG_SIGNED = (SWAP != 0) ? ACT_SIGNED : WEIGHT_SIGNED;
  localparam integer ROOM = WIDTH + ROWS + LONG + LIFT + 1;  // wide enough to place anything, cut to WIDTH
  // -sum of 2^p over the inverted bits, which is -2^(ROWS+LONG-1) + [ROW_SIGNED] 2^(ROWS-1) + [LONG_SIGNED] 2^(LONG-1)
  localparam [ROOM-1:0] ONE = {{(ROOM - 1) {1'b0}}, 1'b1};
  localparam [ROOM-1:0] ZERO = {ROOM{1'b0}};
  localparam [ROOM-1:0] CONSTANT =
      (((ROW_SIGNED != 0) ? (ONE << (ROWS - 1)) : ZERO) + ((LONG_SIGNED != 0) ? (ONE << (LONG - 1)) : ZERO)
       - ((ROW_SIGNED != 0 || LONG_SIGNED != 0) ? (ONE << (ROWS + LONG - 1)) : ZERO)) << LIFT;

  logic [ROWS-1:0] bits;  // one per row
  logic [LONG-1:0] word;  // the longer operand
  logic [WIDTH-1:0] partial[0:ROWS]  /* verilator split_var */;  // after each row

  generate
    if (SWAP != 0) begin : g_swap
      assign bits = weight;
      assign word = act;
    end else begin : g_straight
      assign bits = act;
      assign word = weight;
    end
  endgenerate

  assign partial[0] = start + CONSTANT[WIDTH-1:0];

  genvar i;
  generate
    for (i = 0; i < ROWS; i = i + 1) begin : g_row
      localparam [LONG-1:0] TOP = {{LONG{1'b0}}} | ({{LONG{1'b1}}} ^ ({LONG{1'b1}} >> 1));  // the sign's place
      localparam [LONG-1:0] LAST = (ROW_SIGNED != 0 && i == ROWS - 1) ? {LONG{1'b1}} : {LONG{1'b0}};
      localparam [LONG-1:0] INVERT = LAST ^ ((LONG_SIGNED != 0) ? TOP : {LONG{1'b0}});
      logic [LONG-1:0] row;
      logic [ROOM-1:0] placed;
      logic unused;
      assign row = (word & {LONG{bits[i]}}) ^ INVERT;
      assign placed = {{(ROOM - LONG) {1'b0}}, row} << (i + LIFT);
      assign partial[i+1] = partial[i] + placed[WIDTH-1:0];
      assign unused = ^placed[ROOM-1:WIDTH];
    end
  endgenerate

  assign total = partial[ROWS];
endmodule
