// LENGTH registers one after another: what enters is at the other end LENGTH cycles later (0: at once).
// The lanes of a skew triangle are delay lines of 0, 1, 2, ... registers.
module delay_line #(
    parameter integer WIDTH  = 1,  // bits of a word
    parameter integer LENGTH = 1   // registers
) (
    input  logic             clk,
    input  logic             rst,  // synchronous: clears the line; tie to 0 for data, which clears by itself
    input  logic [WIDTH-1:0] in,   // one word a cycle
    output logic [WIDTH-1:0] out   // in, LENGTH cycles later
);
  generate
    if (LENGTH == 0) begin : g_wire
      logic unused;
      assign unused = clk & rst;
      assign out = in;
    end else if (LENGTH == 1) begin : g_register
      always_ff @(posedge clk) out <= rst ? {WIDTH{1'b0}} : in;
    end else begin : g_line
      logic [LENGTH*WIDTH-1:0] stages;
      always_ff @(posedge clk) stages <= rst ? {LENGTH * WIDTH{1'b0}} : {stages[(LENGTH-1)*WIDTH-1:0], in};
      assign out = stages[LENGTH*WIDTH-1:(LENGTH-1)*WIDTH];
    end
  endgenerate
endmodule
