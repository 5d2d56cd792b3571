// Systolic array that holds the sums: output-stationary (rows M, columns N, the stream is K).
//
// In a cycle with valid_in=1, acts_in has one activation for each row and weights_in one weight for each column, of one k;
// the skew is inside. first_in marks k = 0 and last_in the last k. PE r,c works on what enters in cycle t in cycle
// t + r + c. starts_in is where the sums of a column start (bias or zero): column c reads it c cycles after first_in.
// Tiles with fewer rows or columns: feed zeros and ignore the others.
//
// When the last PE has finished (OVERLAP=1: when the last row of a column has, each column by itself), the sums move down
// and show at sums_out, last row first, one in each cycle with valid_out[c]=1. OVERLAP=1 moves them in drain registers,
// row r for r cycles, so that the next tile may begin max(K, ROWS) cycles after the one before; else the array must
// be empty before it begins.
// DIRECT=1: every PE has a port of its own in sums_out (PE r,c in place r*COLUMNS+c) and nothing moves.
`include "mac_parameters.svh"
module sa_os #(
    `MAC_PARAMETERS,
    parameter integer ROWS      = 4,  // of elements
    parameter integer COLUMNS   = 4,  // of elements
    parameter integer OVERLAP   = 0,  // 1: drain registers
    parameter integer DIRECT    = 0,  // 1: a port for each element; without OVERLAP and OUTREG
    parameter integer OUTREG    = 0,  // 1: a register between the bottom row and sums_out
    parameter integer GATE_ZERO = 0,  // 1: elements hold still where an operand is zero
    parameter integer PORTS     = (DIRECT != 0) ? ROWS * COLUMNS : COLUMNS  // derived: leave alone
) (
    input  logic                           clk,
    input  logic                           rst,         // synchronous, of the control flags only
    input  logic                           valid_in,    // operands of one k enter
    input  logic                           first_in,    // they are those of k = 0
    input  logic                           last_in,     // they are those of the last k
    input  logic [      ROWS*ACT_BITS-1:0] acts_in,     // row 0 in the lowest bits
    input  logic [COLUMNS*WEIGHT_BITS-1:0] weights_in,  // column 0 in the lowest bits
    input  logic [   COLUMNS*ACC_BITS-1:0] starts_in,   // column 0 in the lowest bits
    output logic [     PORTS*ACC_BITS-1:0] sums_out,    // finished sums
    output logic [              PORTS-1:0] valid_out    // the sum of a port is there
);
  genvar r, c, i;
  generate
    for (r = 0; r < ROWS; r = r + 1) begin : g_side
      logic [ACT_BITS-1:0] word;
      logic zero;
      logic [2:0] flags;
      delay_line #(.WIDTH(ACT_BITS), .LENGTH(r)) lane (
          .clk(clk), .rst(1'b0), .in(acts_in[r*ACT_BITS+:ACT_BITS]), .out(word)
      );
      delay_line #(.WIDTH(3), .LENGTH(r)) flag_lane (
          .clk(clk), .rst(rst), .in({valid_in, valid_in & first_in, valid_in & last_in}), .out(flags)
      );
      assign zero = (GATE_ZERO != 0) ? (word == {ACT_BITS{1'b0}}) : 1'b0;
    end

    for (c = 0; c < COLUMNS; c = c + 1) begin : g_top
      logic [WEIGHT_BITS-1:0] word;
      logic zero;
      logic [ACC_BITS-1:0] bias;  // of the rows below the first, which follow it one by one
      delay_line #(.WIDTH(WEIGHT_BITS), .LENGTH(c)) lane (
          .clk(clk), .rst(1'b0), .in(weights_in[c*WEIGHT_BITS+:WEIGHT_BITS]), .out(word)
      );
      assign zero = (GATE_ZERO != 0) ? (word == {WEIGHT_BITS{1'b0}}) : 1'b0;
      always_ff @(posedge clk) if (g_row[0].g_column[c].flags_left[1]) bias <= starts_in[c*ACC_BITS+:ACC_BITS];
    end

    for (r = 0; r < ROWS; r = r + 1) begin : g_row
      for (c = 0; c < COLUMNS; c = c + 1) begin : g_column
        // verilator lint_off UNUSEDSIGNAL
        // What the last row and the last column hand on is not used.
        logic [ACT_BITS-1:0] act_left;
        logic [ACT_BITS-1:0] act_right;
        logic [WEIGHT_BITS-1:0] weight_above;
        logic [WEIGHT_BITS-1:0] weight_below;
        logic act_zero_left;
        logic act_zero_right;
        logic weight_zero_above;
        logic weight_zero_below;
        logic [2:0] flags_left;  // valid, first, last
        logic [2:0] flags_right;
        logic [ACC_BITS-1:0] start;
        logic drain;
        logic [ACC_BITS-1:0] sum_above;
        logic [ACC_BITS-1:0] sum_below;
        // verilator lint_on UNUSEDSIGNAL
        if (r == 0) begin : g_first_row
          assign weight_above = g_top[c].word;
          assign weight_zero_above = g_top[c].zero;
          assign start = starts_in[c*ACC_BITS+:ACC_BITS];
          assign sum_above = {ACC_BITS{1'b0}};
        end else begin : g_other_row
          assign weight_above = g_row[r-1].g_column[c].weight_below;
          assign weight_zero_above = g_row[r-1].g_column[c].weight_zero_below;
          assign start = g_top[c].bias;
          assign sum_above = g_row[r-1].g_column[c].sum_below;
        end
        if (DIRECT != 0) begin : g_still
          assign drain = 1'b0;
        end else begin : g_moves
          assign drain = g_moving.g_drain[c].takes[r];
        end
        if (c == 0) begin : g_first_column
          assign act_left = g_side[r].word;
          assign act_zero_left = g_side[r].zero;
          assign flags_left = g_side[r].flags;
        end else begin : g_other_column
          assign act_left = g_row[r].g_column[c-1].act_right;
          assign act_zero_left = g_row[r].g_column[c-1].act_zero_right;
          assign flags_left = g_row[r].g_column[c-1].flags_right;
        end
        pe_os #(`MAC_PASS, .OVERLAP(OVERLAP), .GATE_ZERO(GATE_ZERO)) pe (
            .clk(clk), .rst(rst),
            .valid_in(flags_left[2]), .valid_out(flags_right[2]),
            .first_in(flags_left[1]), .first_out(flags_right[1]),
            .last_in(flags_left[0]), .last_out(flags_right[0]),
            .start_in(start), .drain(drain),
            .act_in(act_left), .act_zero_in(act_zero_left), .act_out(act_right), .act_zero_out(act_zero_right),
            .weight_in(weight_above), .weight_zero_in(weight_zero_above),
            .weight_out(weight_below), .weight_zero_out(weight_zero_below),
            .sum_in(sum_above), .sum_out(sum_below)
        );
      end
    end

    if (DIRECT != 0) begin : g_direct
      for (r = 0; r < ROWS; r = r + 1) begin : g_ports
        for (c = 0; c < COLUMNS; c = c + 1) begin : g_port
          assign sums_out[(r*COLUMNS+c)*ACC_BITS+:ACC_BITS] = g_row[r].g_column[c].sum_below;
          assign valid_out[r*COLUMNS+c] = g_row[r].g_column[c].flags_right[0];
        end
      end
    end else begin : g_moving
      // leaving[j]: the last row of the column finished j + 1 cycles ago, so the sum of row ROWS - 1 - j is at the bottom,
      // and every row below the j-th must take the sum above it.
      for (c = 0; c < COLUMNS; c = c + 1) begin : g_drain
        logic [ROWS-1:0] leaving;
        logic [ROWS-1:0] takes;
        assign leaving[0] = (OVERLAP != 0) ? g_row[ROWS-1].g_column[c].flags_right[0] :
                                             g_row[ROWS-1].g_column[COLUMNS-1].flags_right[0];
        assign takes[0] = 1'b0;
        for (i = 1; i < ROWS; i = i + 1) begin : g_row_of
          delay_line #(.WIDTH(1), .LENGTH(1)) lane (.clk(clk), .rst(rst), .in(leaving[i-1]), .out(leaving[i]));
          assign takes[i] = |leaving[i-1:0];
        end
        delay_line #(.WIDTH(ACC_BITS), .LENGTH(OUTREG)) out_lane (
            .clk(clk), .rst(1'b0), .in(g_row[ROWS-1].g_column[c].sum_below), .out(sums_out[c*ACC_BITS+:ACC_BITS])
        );
        delay_line #(.WIDTH(1), .LENGTH(OUTREG)) valid_lane (
            .clk(clk), .rst(rst), .in(|leaving), .out(valid_out[c])
        );
      end
    end
  endgenerate
endmodule
