// Self-checking testbench of an exported output-stationary array.
//
// Every cycle one line of vectors/drive.txt goes in: {valid, first, last}, acts_in, weights_in, starts_in.
// Word i that leaves a port is compared with word i of vectors/expected.hex where vectors/checked.hex has a one; the others
// are rows and columns that a ragged tile leaves empty.
`timescale 1ns / 1ps
`include "design.svh"
module check #(
    parameter integer STYLE = 0  // of the multipliers: 0 simulates faster, 1 is what is synthesised
);
  localparam integer PORTS = `DESIGN_PORTS;
  localparam integer ACC = `DESIGN_ACC_BITS;
  localparam integer WORDS = `DESIGN_WORDS;

  logic clk, rst;
  logic [3:0] flags;  // 0, valid, first, last
  logic [`DESIGN_ACTS_BITS-1:0] acts_in;
  logic [`DESIGN_WEIGHTS_BITS-1:0] weights_in;
  logic [`DESIGN_STARTS_BITS-1:0] starts_in;
  logic [PORTS*ACC-1:0] sums_out;
  logic [PORTS-1:0] valid_out;
  logic [PORTS*ACC-1:0] expected[0:WORDS-1];
  logic [PORTS-1:0] checked[0:WORDS-1];
  integer taken[0:PORTS-1];
  integer drive, fields, cycle, last, compared, wrong, missing, p;

  hwsim_array
`ifndef GATES
  #(.STYLE(STYLE))
`endif
  array (
      .clk(clk), .rst(rst), .valid_in(flags[2]), .first_in(flags[1]), .last_in(flags[0]), .acts_in(acts_in),
      .weights_in(weights_in), .starts_in(starts_in), .sums_out(sums_out), .valid_out(valid_out)
  );

  initial begin
    $readmemh("vectors/expected.hex", expected);
    $readmemh("vectors/checked.hex", checked);
    drive = $fopen("vectors/drive.txt", "r");
    if (drive == 0) begin
      $display("FAIL: vectors/drive.txt cannot be read");
      $finish;
    end
    for (p = 0; p < PORTS; p = p + 1) taken[p] = 0;
    clk = 1'b0;
    rst = 1'b1;
    flags = 4'b0;
    acts_in = 0;
    weights_in = 0;
    starts_in = 0;
    cycle = 0;
    last = 0;
    compared = 0;
    wrong = 0;
    missing = 0;
    repeat (2) begin
      #1 clk = 1'b1;
      #1 clk = 1'b0;
    end
    rst = 1'b0;
    fields = $fscanf(drive, "%h %h %h %h", flags, acts_in, weights_in, starts_in);
    while (fields == 4) begin
      #1 clk = 1'b1;
      #1;
      for (p = 0; p < PORTS; p = p + 1)
        if (valid_out[p] !== 1'b0) begin
          last = cycle + 1;
          if (taken[p] < WORDS && checked[taken[p]][p]) begin
            compared = compared + 1;
            if (sums_out[p*ACC+:ACC] !== expected[taken[p]][p*ACC+:ACC]) begin
              wrong = wrong + 1;
              if (wrong <= 10)
                $display("port %0d, word %0d, cycle %0d: %h, expected %h", p, taken[p], cycle, sums_out[p*ACC+:ACC],
                         expected[taken[p]][p*ACC+:ACC]);
            end
          end
          taken[p] = taken[p] + 1;
        end
      clk = 1'b0;
      cycle = cycle + 1;
      fields = $fscanf(drive, "%h %h %h %h", flags, acts_in, weights_in, starts_in);
    end
    for (p = 0; p < PORTS; p = p + 1) if (taken[p] != WORDS) missing = missing + 1;
    if (wrong == 0 && missing == 0 && compared == `DESIGN_OUTPUTS && last == `DESIGN_CYCLES)
      $display("PASS: %0d outputs equal in every bit, %0d cycles as predicted", compared, last);
    else
      $display("FAIL: %0d of %0d outputs differ (%0d expected), %0d ports with too few or too many words, %0d cycles (%0d predicted)",
               wrong, compared, `DESIGN_OUTPUTS, missing, last, `DESIGN_CYCLES);
    $finish;
  end
endmodule
