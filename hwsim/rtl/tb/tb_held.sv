// Testbench of sa_held: every cycle one line of drive.txt goes in, every cycle with a sum at the bottom edge gives one
// line of sums.txt. The bank stands for the ofmap scratchpad: it takes each sum as it shows, and hands it back at the top in
// the cycles that ask for it, so partial sums are those of this very run.
//
// A line of drive.txt, four hex words: {back, valid, swap, load}, held_in, moving_in, sums_in (unless back).
// A line of sums.txt: the cycle (from 0) after whose clock edge the sums show, valid_out, sums_out with zeros elsewhere.
// +stream=N: vectors of a fold.
`timescale 1ns / 1ps
`include "mac_parameters.svh"
module tb_held #(
    `MAC_PARAMETERS,
    parameter integer ROWS      = 4,
    parameter integer COLUMNS   = 4,
    parameter integer HELD_ACT  = 0,
    parameter integer SHADOW    = 0,
    parameter integer OUTREG    = 0,
    parameter integer GATE_ZERO = 0,
    parameter integer DEPTH     = 1024  // vectors of a fold that the bank has room for
);
  localparam integer HeldBits = (HELD_ACT != 0) ? ACT_BITS : WEIGHT_BITS;
  localparam integer MovingBits = (HELD_ACT != 0) ? WEIGHT_BITS : ACT_BITS;

  logic clk, rst;
  logic [3:0] flags;  // back, valid, swap, load
  logic [COLUMNS*HeldBits-1:0] held_in;
  logic [ROWS*MovingBits-1:0] moving_in;
  logic [COLUMNS*ACC_BITS-1:0] sums_in, sums_out, shown;
  logic [COLUMNS-1:0] valid_out;
  logic [ACC_BITS-1:0] bank[0:COLUMNS*DEPTH-1];
  integer taken[0:COLUMNS-1];  // sums of the fold that the bank has from each column
  integer drive, sums, fields, cycle, stream, entered, c;

  sa_held #(
      `MAC_PASS, .ROWS(ROWS), .COLUMNS(COLUMNS), .HELD_ACT(HELD_ACT), .SHADOW(SHADOW), .OUTREG(OUTREG),
      .GATE_ZERO(GATE_ZERO)
  ) array (
      .clk(clk), .rst(rst), .load(flags[0]), .swap(flags[1]), .held_in(held_in), .valid_in(flags[2]),
      .moving_in(moving_in), .sums_in(sums_in), .sums_out(sums_out), .valid_out(valid_out)
  );

  initial begin
    drive = $fopen("drive.txt", "r");
    sums = $fopen("sums.txt", "w");
    if ($value$plusargs("stream=%d", stream) == 0) stream = 1;
    for (c = 0; c < COLUMNS; c = c + 1) taken[c] = 0;
    clk = 1'b0;
    rst = 1'b1;
    flags = 4'b0;
    held_in = 0;
    moving_in = 0;
    sums_in = 0;
    cycle = 0;
    entered = 0;
    repeat (2) begin
      #1 clk = 1'b1;
      #1 clk = 1'b0;
    end
    rst = 1'b0;
    fields = $fscanf(drive, "%h %h %h %h", flags, held_in, moving_in, sums_in);
    while (fields == 4) begin
      if (flags[3])
        for (c = 0; c < COLUMNS; c = c + 1) sums_in[c*ACC_BITS+:ACC_BITS] = bank[entered*COLUMNS+c];
      if (flags[2]) entered = (entered == stream - 1) ? 0 : entered + 1;
      #1 clk = 1'b1;
      #1;
      if ((|valid_out) !== 1'b0) begin  // an undefined flag is shown as well
        shown = 0;
        for (c = 0; c < COLUMNS; c = c + 1)
          if (valid_out[c]) begin
            shown[c*ACC_BITS+:ACC_BITS] = sums_out[c*ACC_BITS+:ACC_BITS];
            bank[taken[c]*COLUMNS+c] = sums_out[c*ACC_BITS+:ACC_BITS];
            taken[c] = (taken[c] == stream - 1) ? 0 : taken[c] + 1;
          end
        $fwrite(sums, "%0d %h %h\n", cycle, valid_out, shown);
      end
      clk   = 1'b0;
      cycle = cycle + 1;
      fields = $fscanf(drive, "%h %h %h %h", flags, held_in, moving_in, sums_in);
    end
    $fclose(sums);
    $finish;
  end
endmodule
