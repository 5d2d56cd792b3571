// Testbench of sa_os: every cycle one line of drive.txt goes in, every cycle with a sum at a port gives one line of sums.txt.
//
// A line of drive.txt, four hex words: {valid, first, last}, acts_in, weights_in, starts_in.
// A line of sums.txt: the cycle (from 0) after whose clock edge the sums show, valid_out, sums_out with zeros elsewhere.
`timescale 1ns / 1ps
`include "mac_parameters.svh"
module tb_os #(
    `MAC_PARAMETERS,
    parameter integer ROWS      = 4,
    parameter integer COLUMNS   = 4,
    parameter integer OVERLAP   = 0,
    parameter integer DIRECT    = 0,
    parameter integer OUTREG    = 0,
    parameter integer GATE_ZERO = 0
);
  localparam integer Ports = (DIRECT != 0) ? ROWS * COLUMNS : COLUMNS;

  logic clk, rst;
  logic [3:0] flags;  // 0, valid, first, last
  logic [ROWS*ACT_BITS-1:0] acts_in;
  logic [COLUMNS*WEIGHT_BITS-1:0] weights_in;
  logic [COLUMNS*ACC_BITS-1:0] starts_in;
  logic [Ports*ACC_BITS-1:0] sums_out, shown;
  logic [Ports-1:0] valid_out;
  integer drive, sums, fields, cycle, p;

  sa_os #(
      `MAC_PASS, .ROWS(ROWS), .COLUMNS(COLUMNS), .OVERLAP(OVERLAP), .DIRECT(DIRECT), .OUTREG(OUTREG),
      .GATE_ZERO(GATE_ZERO)
  ) array (
      .clk(clk), .rst(rst), .valid_in(flags[2]), .first_in(flags[1]), .last_in(flags[0]), .acts_in(acts_in),
      .weights_in(weights_in), .starts_in(starts_in), .sums_out(sums_out), .valid_out(valid_out)
  );

  initial begin
    drive = $fopen("drive.txt", "r");
    sums = $fopen("sums.txt", "w");
    clk = 1'b0;
    rst = 1'b1;
    flags = 4'b0;
    acts_in = 0;
    weights_in = 0;
    starts_in = 0;
    cycle = 0;
    repeat (2) begin
      #1 clk = 1'b1;
      #1 clk = 1'b0;
    end
    rst = 1'b0;
    fields = $fscanf(drive, "%h %h %h %h", flags, acts_in, weights_in, starts_in);
    while (fields == 4) begin
      #1 clk = 1'b1;
      #1;
      if ((|valid_out) !== 1'b0) begin  // an undefined flag is shown as well
        shown = 0;
        for (p = 0; p < Ports; p = p + 1)
          if (valid_out[p]) shown[p*ACC_BITS+:ACC_BITS] = sums_out[p*ACC_BITS+:ACC_BITS];
        $fwrite(sums, "%0d %h %h\n", cycle, valid_out, shown);
      end
      clk   = 1'b0;
      cycle = cycle + 1;
      fields = $fscanf(drive, "%h %h %h %h", flags, acts_in, weights_in, starts_in);
    end
    $fclose(sums);
    $finish;
  end
endmodule
