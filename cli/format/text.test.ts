import { describe, expect, it } from "vitest";
import { createStyle } from "./style.ts";
import { oneLine, padEnd, stripStyle, textWidth, truncate, truncateStyled } from "./text.ts";

describe("oneLine", () => {
  it("keeps text of others from moving the cursor, colouring or spanning lines", () => {
    expect(oneLine("a\nb\tc\r\nd")).toBe("a b c d");
    expect(oneLine("red\u001b[31m, bell\u0007, c1\u009b2J, override\u202e")).toBe("red[31m, bell, c12J, override");
  });
});

describe("textWidth", () => {
  it.each([
    ["plain", 5],
    ["├ ✓ ok", 6],
    ["世界", 4],
    ["🌍!", 3],
    ["e\u0301", 1],
    ["\u001b[31mred\u001b[39m", 3],
  ])("of %j is %i", (text, width) => expect(textWidth(text)).toBe(width));
});

describe("truncate", () => {
  it("ends what was cut in an ellipsis and never exceeds the columns", () => {
    expect(truncate("a long name", 20)).toBe("a long name");
    expect(truncate("a long name", 6)).toBe("a lon…");
    expect(truncate("世界世界", 6)).toBe("世界…");
    expect(truncate("anything", 0)).toBe("");
  });

  it("keeps every escape code of a styled text, so that no colour goes on behind it", () => {
    const style = createStyle(true);
    const cut = truncateStyled(`${style("red", "abcdef")}${style("green", "ghij")}`, 4);
    expect(stripStyle(cut)).toBe("abc…");
    expect(cut).toBe("\u001b[31mabc…\u001b[39m\u001b[32m\u001b[39m");
  });
});

describe("padEnd", () => {
  it("counts columns, not characters", () => {
    expect(padEnd("世", 4)).toBe("世  ");
    expect(padEnd("\u001b[31mx\u001b[39m", 2)).toBe("\u001b[31mx\u001b[39m ");
  });
});
