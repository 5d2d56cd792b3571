// Applies a line of cycles.hex to one processing element in each cycle; writes its outputs after each edge.
`include "mac_parameters.svh"
module held_bench #(
    `MAC_PARAMETERS,
    parameter integer SHADOW = 0,
    parameter integer GATE_ZERO = 0,
    parameter integer COUNT = 1
);
  localparam integer LINE = 3 + WEIGHT_BITS + ACT_BITS + ACC_BITS;
  logic [LINE-1:0] cycles[0:COUNT-1];
  logic clk, load, swap, zero_in, zero_out;
  logic [WEIGHT_BITS-1:0] held_in, held_out;
  logic [ACT_BITS-1:0] moving_in, moving_out;
  logic [ACC_BITS-1:0] sum_in, sum_out;
  integer file, i;

  pe_held #(`MAC_PASS, .HELD_ACT(0), .SHADOW(SHADOW), .GATE_ZERO(GATE_ZERO)) pe (
      .clk(clk), .load(load), .swap(swap), .held_in(held_in), .held_out(held_out), .moving_in(moving_in),
      .moving_zero_in(zero_in), .moving_out(moving_out), .moving_zero_out(zero_out), .sum_in(sum_in), .sum_out(sum_out)
  );

  initial begin
    $readmemh("cycles.hex", cycles);
    file = $fopen("results.txt", "w");
    clk = 1'b0;
    for (i = 0; i < COUNT; i = i + 1) begin
      {load, swap, zero_in, held_in, moving_in, sum_in} = cycles[i];
      #1 clk = 1'b1;
      #1 $fdisplay(file, "%h %h %h %h", held_out, moving_out, zero_out, sum_out);
      clk = 1'b0;
    end
    $fclose(file);
    $finish;
  end
endmodule

module os_bench #(
    `MAC_PARAMETERS,
    parameter integer OVERLAP = 0,
    parameter integer GATE_ZERO = 0,
    parameter integer COUNT = 1
);
  localparam integer LINE = 6 + WEIGHT_BITS + ACT_BITS + 2 * ACC_BITS;
  logic [LINE-1:0] cycles[0:COUNT-1];
  logic clk, valid, first, last, drain, act_zero, weight_zero, valid_out, first_out, last_out, act_flag, weight_flag;
  logic [WEIGHT_BITS-1:0] weight_in, weight_out;
  logic [ACT_BITS-1:0] act_in, act_out;
  logic [ACC_BITS-1:0] start_in, sum_in, sum_out;
  integer file, i;

  pe_os #(`MAC_PASS, .OVERLAP(OVERLAP), .GATE_ZERO(GATE_ZERO)) pe (
      .clk(clk), .rst(1'b0), .valid_in(valid), .valid_out(valid_out), .first_in(first), .first_out(first_out),
      .last_in(last), .last_out(last_out), .start_in(start_in), .drain(drain),
      .act_in(act_in), .act_zero_in(act_zero), .act_out(act_out), .act_zero_out(act_flag),
      .weight_in(weight_in), .weight_zero_in(weight_zero), .weight_out(weight_out), .weight_zero_out(weight_flag),
      .sum_in(sum_in), .sum_out(sum_out)
  );

  initial begin
    $readmemh("cycles.hex", cycles);
    file = $fopen("results.txt", "w");
    clk = 1'b0;
    for (i = 0; i < COUNT; i = i + 1) begin
      {valid, first, last, drain, act_zero, weight_zero, act_in, weight_in, start_in, sum_in} = cycles[i];
      #1 clk = 1'b1;
      #1 $fdisplay(file, "%h %h %h %h", act_out, weight_out, {valid_out, first_out, last_out, act_flag, weight_flag}, sum_out);
      clk = 1'b0;
    end
    $fclose(file);
    $finish;
  end
endmodule
