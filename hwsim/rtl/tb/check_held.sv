// Self-checking testbench of an exported array that holds an operand (weight- or input-stationary).
//
// Every cycle one line of vectors/drive.txt goes in: {back, valid, swap, load}, held_in, moving_in, sums_in. Where back is
// set, the sums come from the bank instead, which stands for the ofmap memory: partial sums of this very run.
// Word i that leaves a port is compared with word i of vectors/expected.hex where vectors/checked.hex has a one; the others
// are partial sums, or columns that a ragged tile leaves empty.
`timescale 1ns / 1ps
`include "design.svh"
module check #(
    parameter integer STYLE = 0  // of the multipliers: 0 simulates faster, 1 is what is synthesised
);
  localparam integer PORTS = `DESIGN_PORTS;
  localparam integer ACC = `DESIGN_ACC_BITS;
  localparam integer WORDS = `DESIGN_WORDS;
  localparam integer STREAM = `DESIGN_STREAM;

  logic clk, rst;
  logic [3:0] flags;  // back, valid, swap, load
  logic [`DESIGN_HELD_BITS-1:0] held_in;
  logic [`DESIGN_MOVING_BITS-1:0] moving_in;
  logic [PORTS*ACC-1:0] sums_in, sums_out;
  logic [PORTS-1:0] valid_out;
  logic [PORTS*ACC-1:0] expected[0:WORDS-1];
  logic [PORTS-1:0] checked[0:WORDS-1];
  logic [PORTS*ACC-1:0] bank[0:STREAM-1];
  integer taken[0:PORTS-1];
  integer drive, fields, cycle, last, entered, compared, wrong, missing, p;

  hwsim_array
`ifndef GATES
  #(.STYLE(STYLE))
`endif
  array (
      .clk(clk), .rst(rst), .load(flags[0]), .swap(flags[1]), .held_in(held_in), .valid_in(flags[2]),
      .moving_in(moving_in), .sums_in(sums_in), .sums_out(sums_out), .valid_out(valid_out)
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
    held_in = 0;
    moving_in = 0;
    sums_in = 0;
    cycle = 0;
    last = 0;
    entered = 0;
    compared = 0;
    wrong = 0;
    missing = 0;
    repeat (2) begin
      #1 clk = 1'b1;
      #1 clk = 1'b0;
    end
    rst = 1'b0;
    fields = $fscanf(drive, "%h %h %h %h", flags, held_in, moving_in, sums_in);
    while (fields == 4) begin
      if (flags[3]) sums_in = bank[entered];
      if (flags[2]) entered = (entered == STREAM - 1) ? 0 : entered + 1;
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
          bank[taken[p]%STREAM][p*ACC+:ACC] = sums_out[p*ACC+:ACC];
          taken[p] = taken[p] + 1;
        end
      clk = 1'b0;
      cycle = cycle + 1;
      fields = $fscanf(drive, "%h %h %h %h", flags, held_in, moving_in, sums_in);
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
