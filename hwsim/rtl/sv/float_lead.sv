// Counts the zeros in front of the first one; BITS where there is none.
module float_lead #(
    parameter integer BITS  = 16,  // bits of value
    parameter integer COUNT = $clog2(BITS + 1)  // derived: bits of zeros
) (
    input  logic [ BITS-1:0] value,  // looked at from the highest bit
    output logic [COUNT-1:0] zeros   // how many come first
);
  localparam integer SPAN = 1 << COUNT;  // more than BITS: all zeros ends in the padding
  logic [ SPAN-1:0] stage[0:COUNT]  /* verilator split_var */;
  logic [COUNT-1:0] empty  /* verilator split_var */;  // the first 2^k bits of what is left hold no one

  assign stage[COUNT] = {value, {(SPAN - BITS) {1'b1}}};
  genvar k;
  generate
    for (k = COUNT - 1; k >= 0; k = k - 1) begin : g_stage
      assign empty[k] = ~(|stage[k+1][SPAN-1:SPAN-(1<<k)]);
      assign stage[k] = empty[k] ? (stage[k+1] << (1 << k)) : stage[k+1];
    end
  endgenerate
  assign zeros = empty;
  logic unused;
  assign unused = ^stage[0];
endmodule
