// Applies every line {act, weight, sum_in} of vectors.hex to one core and writes sum_out of each to results.hex.
`include "mac_parameters.svh"
module core_bench #(
    `MAC_PARAMETERS,
    parameter integer COUNT = 1  // lines of vectors.hex
);
  localparam integer LINE = ACT_BITS + WEIGHT_BITS + ACC_BITS;
  logic [LINE-1:0] vectors[0:COUNT-1];
  logic [ACT_BITS-1:0] act;
  logic [WEIGHT_BITS-1:0] weight;
  logic [ACC_BITS-1:0] sum_in;
  logic [ACC_BITS-1:0] sum_out;
  integer file;
  integer i;

  mac_core #(`MAC_PASS) core (.act(act), .weight(weight), .sum_in(sum_in), .sum_out(sum_out));

  initial begin
    $readmemh("vectors.hex", vectors);
    file = $fopen("results.hex", "w");
    for (i = 0; i < COUNT; i = i + 1) begin
      {act, weight, sum_in} = vectors[i];
      #1;
      $fdisplay(file, "%h", sum_out);
    end
    $fclose(file);
    $finish;
  end
endmodule
