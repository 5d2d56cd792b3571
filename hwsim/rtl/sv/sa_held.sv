// Systolic array that holds one operand: weight-stationary (HELD_ACT=0: rows K, columns N, the stream is M) or
// input-stationary (HELD_ACT=1: rows K, columns M, the stream is N).
//
// Load: the tile enters held_in row by row, last row first, one row in each cycle with load=1, ROWS cycles in all.
// Stream: in a cycle with valid_in=1, moving_in has one word for each row and sums_in one start for each column (a bias,
// or the partial sum of the tile before: so terms are added k ascending). All words of a vector enter in one
// cycle; the skew is inside. The sums of a vector that enters in cycle t show at sums_out after the edge of cycle
// t + ROWS - 1 + c (+ 1 with OUTREG=1) in column c, where valid_out[c] says so.
// Tiles with fewer rows: feed zeros (held and moving); sums pass through. Fewer columns: ignore the others.
//
// SHADOW=1: load fills shadow registers while a stream is running. swap=1 starts a wave that gives each element its
// new operand: PE 0,0 at the end of that cycle, PE r,c r+c cycles later; the stream begins in the cycle after swap.
// swap may come with the last load; the next load may come once the wave has passed, ROWS + COLUMNS - 1 cycles later.
`include "mac_parameters.svh"
module sa_held #(
    `MAC_PARAMETERS,
    parameter integer ROWS      = 4,  // of elements
    parameter integer COLUMNS   = 4,  // of elements
    parameter integer HELD_ACT  = 0,  // 1: activations are held and weights move
    parameter integer SHADOW    = 0,  // 1: a second register takes the next held operand
    parameter integer OUTREG    = 0,  // 1: a register between the bottom row and sums_out
    parameter integer GATE_ZERO = 0,  // 1: elements hold still where the moving operand is zero
    parameter integer HELD_BITS   = (HELD_ACT != 0) ? ACT_BITS : WEIGHT_BITS,  // derived: leave alone
    parameter integer MOVING_BITS = (HELD_ACT != 0) ? WEIGHT_BITS : ACT_BITS   // derived: leave alone
) (
    input  logic                        clk,
    input  logic                        rst,        // synchronous, of the control flags only
    input  logic                        load,       // held_in enters the top row, all rows move down
    input  logic                        swap,       // SHADOW=1: the wave of swaps starts
    input  logic [COLUMNS*HELD_BITS-1:0] held_in,   // a row of the tile; column 0 in the lowest bits
    input  logic                        valid_in,   // a vector enters
    input  logic [ROWS*MOVING_BITS-1:0] moving_in,  // its words; row 0 in the lowest bits
    input  logic [COLUMNS*ACC_BITS-1:0] sums_in,    // where its sums start; column 0 in the lowest bits
    output logic [COLUMNS*ACC_BITS-1:0] sums_out,   // bottom edge; column 0 in the lowest bits
    output logic [         COLUMNS-1:0] valid_out   // sums_out of a column is a sum
);
  // Lanes count from 1: vector i is valid after i registers.
  logic [ROWS+COLUMNS-1+OUTREG:0] valid_lane;
  logic [ROWS+COLUMNS-2:0] wave;  // swap on diagonal r + c

  genvar r, c, i;
  generate
    assign valid_lane[0] = valid_in;
    for (i = 1; i < ROWS + COLUMNS + OUTREG; i = i + 1) begin : g_valid
      delay_line #(.WIDTH(1), .LENGTH(1)) lane (.clk(clk), .rst(rst), .in(valid_lane[i-1]), .out(valid_lane[i]));
    end

    assign wave[0] = swap;
    for (i = 1; i < ROWS + COLUMNS - 1; i = i + 1) begin : g_wave
      delay_line #(.WIDTH(1), .LENGTH(1)) lane (.clk(clk), .rst(rst), .in(wave[i-1]), .out(wave[i]));
    end

    for (r = 0; r < ROWS; r = r + 1) begin : g_side
      logic [MOVING_BITS-1:0] word;
      logic zero;
      delay_line #(.WIDTH(MOVING_BITS), .LENGTH(r)) lane (
          .clk(clk), .rst(1'b0), .in(moving_in[r*MOVING_BITS+:MOVING_BITS]), .out(word)
      );
      assign zero = (GATE_ZERO != 0) ? (word == {MOVING_BITS{1'b0}}) : 1'b0;
    end

    for (c = 0; c < COLUMNS; c = c + 1) begin : g_top
      logic [ACC_BITS-1:0] word;
      delay_line #(.WIDTH(ACC_BITS), .LENGTH(c)) lane (
          .clk(clk), .rst(1'b0), .in(sums_in[c*ACC_BITS+:ACC_BITS]), .out(word)
      );
    end

    for (r = 0; r < ROWS; r = r + 1) begin : g_row
      for (c = 0; c < COLUMNS; c = c + 1) begin : g_column
        // verilator lint_off UNUSEDSIGNAL
        // What the last row and the last column hand on is not used.
        logic [HELD_BITS-1:0] held_above;
        logic [HELD_BITS-1:0] held_below;
        logic [MOVING_BITS-1:0] moving_left;
        logic [MOVING_BITS-1:0] moving_right;
        logic zero_left;
        logic zero_right;
        logic [ACC_BITS-1:0] sum_above;
        logic [ACC_BITS-1:0] sum_below;
        // verilator lint_on UNUSEDSIGNAL
        if (r == 0) begin : g_first_row
          assign held_above = held_in[c*HELD_BITS+:HELD_BITS];
          assign sum_above  = g_top[c].word;
        end else begin : g_other_row
          assign held_above = g_row[r-1].g_column[c].held_below;
          assign sum_above  = g_row[r-1].g_column[c].sum_below;
        end
        if (c == 0) begin : g_first_column
          assign moving_left = g_side[r].word;
          assign zero_left   = g_side[r].zero;
        end else begin : g_other_column
          assign moving_left = g_row[r].g_column[c-1].moving_right;
          assign zero_left   = g_row[r].g_column[c-1].zero_right;
        end
        pe_held #(`MAC_PASS, .HELD_ACT(HELD_ACT), .SHADOW(SHADOW), .GATE_ZERO(GATE_ZERO)) pe (
            .clk(clk), .load(load), .swap(wave[r+c]),
            .held_in(held_above), .held_out(held_below),
            .moving_in(moving_left), .moving_zero_in(zero_left), .moving_out(moving_right),
            .moving_zero_out(zero_right), .sum_in(sum_above), .sum_out(sum_below)
        );
      end
    end

    for (c = 0; c < COLUMNS; c = c + 1) begin : g_bottom
      delay_line #(.WIDTH(ACC_BITS), .LENGTH(OUTREG)) out_lane (
          .clk(clk), .rst(1'b0), .in(g_row[ROWS-1].g_column[c].sum_below), .out(sums_out[c*ACC_BITS+:ACC_BITS])
      );
      assign valid_out[c] = valid_lane[ROWS+c+OUTREG];
    end
  endgenerate
endmodule
