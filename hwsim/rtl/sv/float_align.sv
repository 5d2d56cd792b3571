// moved = value >> distance; sticky = 1 where a one fell off the end.
module float_align #(
    parameter integer BITS     = 16,  // bits of value
    parameter integer DISTANCE = 8    // bits of distance
) (
    input  logic [    BITS-1:0] value,     // what moves
    input  logic [DISTANCE-1:0] distance,  // places to the right
    output logic [    BITS-1:0] moved,     // what is left of it
    output logic                sticky     // a one is among what is not
);
  localparam integer NEED = $clog2(BITS + 1);  // larger distances leave nothing
  localparam integer STAGES = (NEED < DISTANCE) ? NEED : DISTANCE;
  logic [BITS-1:0] stage[0:STAGES]  /* verilator split_var */;
  logic [STAGES:0] lost  /* verilator split_var */;
  logic far;

  assign stage[0] = value;
  assign lost[0] = 1'b0;
  genvar k;
  generate
    for (k = 0; k < STAGES; k = k + 1) begin : g_stage
      localparam integer STEP = 1 << k;
      if (STEP < BITS) begin : g_part
        assign stage[k+1] = distance[k] ? (stage[k] >> STEP) : stage[k];
        assign lost[k+1] = lost[k] | (distance[k] & (|stage[k][STEP-1:0]));
      end else begin : g_all
        assign stage[k+1] = stage[k] & {BITS{~distance[k]}};
        assign lost[k+1] = lost[k] | (distance[k] & (|stage[k]));
      end
    end
    if (DISTANCE > STAGES) begin : g_far
      assign far = |distance[DISTANCE-1:STAGES];
    end else begin : g_near
      assign far = 1'b0;
    end
  endgenerate
  assign moved = stage[STAGES] & {BITS{~far}};
  assign sticky = lost[STAGES] | (far & (|value));
endmodule
