import { describe, expect, it } from "vitest";
import { Screen } from "../testing/screen.ts";
import { Painter } from "./painter.ts";

describe("Painter", () => {
  it("draws in the same place, whether frames grow or shrink", () => {
    const screen = new Screen(20, 10);
    screen.write("$ command\n");
    const painter = new Painter(screen);
    painter.paint(["one", "two"]);
    expect(screen.text()).toBe("$ command\none\ntwo");
    expect(screen.cursorVisible).toBe(false);
    painter.paint(["ONE, longer", "2", "three"]);
    expect(screen.text()).toBe("$ command\nONE, longer\n2\nthree");
    painter.paint(["1"]);
    expect(screen.text()).toBe("$ command\n1");
  });

  it("leaves the last lines and the cursor behind", () => {
    const screen = new Screen(20, 10);
    const painter = new Painter(screen);
    painter.paint(["working", "half"]);
    painter.finish(["done"]);
    screen.write("$");
    expect(screen.text()).toBe("done\n$");
    expect(screen.cursorVisible).toBe(true);
  });

  it("keeps the frame when it stops without last lines; stopping twice changes nothing", () => {
    const screen = new Screen(20, 10);
    const painter = new Painter(screen);
    painter.paint(["working"]);
    painter.finish();
    const { writes } = screen;
    painter.finish();
    screen.write("$");
    expect(screen.text()).toBe("working\n$");
    expect(screen.cursorVisible).toBe(true);
    expect(screen.writes).toBe(writes + 1);
  });

  it("writes nothing when nothing changed, nor into a terminal that does not keep up", () => {
    const screen = new Screen(20, 10);
    const painter = new Painter(screen);
    painter.paint(["same"]);
    painter.paint(["same"]);
    screen.writableNeedDrain = true;
    painter.paint(["dropped"]);
    expect(screen.writes).toBe(1);
    screen.writableNeedDrain = false;
    painter.paint(["taken"]);
    expect(screen.text()).toBe("taken");
  });

  it("fills a terminal to its last but one line without scrolling it away", () => {
    const screen = new Screen(20, 4);
    const painter = new Painter(screen);
    painter.paint(["a", "b", "c"]);
    painter.paint(["d", "e", "f"]);
    painter.finish(["g", "h", "i"]);
    expect(screen.text()).toBe("g\nh\ni");
  });
});
