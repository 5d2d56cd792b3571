// Rounds a two's complement number to a fixed-point format and brings it into the format's range.
module fixed_round #(
    parameter integer IN_BITS    = 16,  // bits of value
    parameter integer ALIGN      = 0,   // log2(step of value / step of code); below 0, bits are dropped
    parameter integer OUT_BITS   = 8,   // bits of code
    parameter integer OUT_SIGNED = 1,   // 1 two's complement, 0 unsigned
    parameter integer ROUND      = 0,   // 0 nearest even, 1 toward 0, 2 toward -inf, 3 half up, 4 toward +inf
    parameter integer SATURATE   = 1    // 1 the nearer end of the range, 0 modulo 2^OUT_BITS
) (
    input  logic [ IN_BITS-1:0] value,  // two's complement
    output logic [OUT_BITS-1:0] code    // in steps of the format
);
  localparam integer DROP = (ALIGN < 0) ? -ALIGN : 0;
  localparam integer LIFT = (ALIGN > 0) ? ALIGN : 0;
  localparam integer PADDED = (IN_BITS > DROP) ? IN_BITS : DROP + 1;  // at least one bit is kept
  localparam integer KEPT = PADDED - DROP + LIFT;
  localparam integer NEED = KEPT + ((DROP > 0 && ROUND != 2) ? 1 : 0);  // rounding up may need one more bit
  localparam integer WIDE = (NEED > OUT_BITS) ? NEED : OUT_BITS + 1;

  logic [PADDED-1:0] padded;
  logic [  NEED-1:0] rounded;
  logic [  WIDE-1:0] wide;

  generate
    if (PADDED > IN_BITS) begin : g_pad
      assign padded = {{(PADDED - IN_BITS) {value[IN_BITS-1]}}, value};
    end else begin : g_same
      assign padded = value;
    end

    if (LIFT > 0) begin : g_lift
      assign rounded = {padded, {LIFT{1'b0}}};
    end else if (DROP == 0) begin : g_exact
      assign rounded = padded;
    end else if (ROUND == 2) begin : g_floor
      logic unused;
      assign unused = |padded[DROP-1:0];
      assign rounded = padded[PADDED-1:DROP];
    end else begin : g_drop
      logic guard;   // worth one half
      logic sticky;  // anything below it
      logic up;
      assign guard = padded[DROP-1];
      if (DROP > 1) begin : g_sticky
        assign sticky = |padded[DROP-2:0];
      end else begin : g_no_sticky
        assign sticky = 1'b0;
      end
      if (ROUND == 0) begin : g_nearest_even
        assign up = guard & (sticky | padded[DROP]);
      end else if (ROUND == 1) begin : g_toward_zero
        assign up = padded[PADDED-1] & (guard | sticky);
      end else if (ROUND == 3) begin : g_half_up
        logic unused;
        assign unused = sticky;
        assign up = guard;
      end else begin : g_toward_positive
        assign up = guard | sticky;
      end
      assign rounded = {padded[PADDED-1], padded[PADDED-1:DROP]} + {{(NEED - 1) {1'b0}}, up};
    end

    if (WIDE > NEED) begin : g_extend
      assign wide = {{(WIDE - NEED) {rounded[NEED-1]}}, rounded};
    end else begin : g_wide
      assign wide = rounded;
    end

    if (SATURATE == 0) begin : g_wrap
      logic unused;
      assign unused = ^wide[WIDE-1:OUT_BITS];
      assign code = wide[OUT_BITS-1:0];
    end else if (OUT_SIGNED != 0) begin : g_saturate
      logic fits;
      assign fits = (&wide[WIDE-1:OUT_BITS-1]) | ~(|wide[WIDE-1:OUT_BITS-1]);
      if (OUT_BITS > 1) begin : g_many
        assign code = fits ? wide[OUT_BITS-1:0] : {wide[WIDE-1], {(OUT_BITS - 1) {~wide[WIDE-1]}}};
      end else begin : g_one
        assign code = fits ? wide[0] : wide[WIDE-1];
      end
    end else begin : g_saturate_unsigned
      logic fits;
      assign fits = ~(|wide[WIDE-1:OUT_BITS]);
      assign code = fits ? wide[OUT_BITS-1:0] : {OUT_BITS{~wide[WIDE-1]}};
    end
  endgenerate
endmodule
