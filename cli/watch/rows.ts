import { addCounts, type Counts, countAll, countDone, noCounts } from "./counts.ts";
import { type Cohort, type JobModel, ownCounts, type TaskRecord, type TreeNode, totalCounts } from "./model.ts";

/** One line of the drawn tree. */
export interface Row {
  /** For each level from the root on: whether something follows there further down. The last entry is the row's own level. */
  readonly rails: readonly boolean[];
  readonly identifier: string;
  /** When the row is one task. */
  readonly task: TaskRecord | undefined;
  /** How many tasks the row itself stands for, without those below. */
  readonly size: number;
  /** Over how many levels of the tree the row's own tasks are spread; 1 unless levels are drawn as one row. */
  readonly levels: number;
  /** The row's tasks and everything below them, drawn or not. */
  readonly counts: Counts;
  /** When the row stands for parts that did not fit: how many. */
  readonly omitted: number;
}

/** From so many levels on, a chain of single tasks of one identifier is drawn as one row. */
const CHAIN_LENGTH = 6;

interface Item {
  readonly identifier: string;
  readonly depth: number;
  readonly order: number;
  readonly task: TaskRecord | undefined;
  readonly size: number;
  readonly levels: number;
  /** The item and everything below it. */
  readonly total: Counts;
  /** What takes its place below it, or instead of it. Undefined: nothing. */
  readonly open: (() => Item[]) | undefined;
  /** Whether opening it replaces it. */
  readonly replaces: boolean;
  readonly omitted: number;
  children: Item[] | undefined;
}

/**
 * Chooses what of a job's tree to draw on so many lines. Begins with the root tasks and opens, as long as lines are left, the part that
 * matters most: with failures first, then where tasks run, then what waits, then what is done; the shallower one first. What is not opened
 * stands on its line with the counts of everything in it. Costs what is drawn, not what there is.
 */
export function selectRows(model: JobModel, lines: number): Row[] {
  const roots = fitRoots(cohortItems(model.roots.values(), 0), lines);
  const candidates = roots.filter((item) => item.open !== undefined);
  const forest: Item = { ...blankItem, children: roots };
  const parents = new Map<Item, Item>(roots.map((item) => [item, forest]));
  let left = lines - roots.length;
  while (candidates.length > 0 && left > 0) {
    const item = takeMostUrgent(candidates);
    const opened = item.open?.() ?? [];
    const cost = opened.length - (item.replaces ? 1 : 0);
    if (opened.length === 0 || cost > left) continue;
    left -= cost;
    const parent = item.replaces ? (parents.get(item) ?? forest) : item;
    putInto(parent, item, opened);
    for (const child of opened) {
      parents.set(child, parent);
      if (child.open !== undefined) candidates.push(child);
    }
  }
  return flatten(forest);
}

const blankItem: Omit<Item, "children"> = {
  identifier: "",
  depth: -1,
  order: 0,
  task: undefined,
  size: 0,
  levels: 1,
  total: noCounts(),
  open: undefined,
  replaces: false,
  omitted: 0,
};

/** The root tasks, cut to the lines with a last item for the rest: they have no line above that could stand for them. */
function fitRoots(roots: Item[], lines: number): Item[] {
  if (roots.length <= lines) return roots;
  const kept = roots.slice(0, Math.max(0, lines - 1));
  const rest = roots.slice(kept.length);
  const total = noCounts();
  for (const item of rest) addCounts(total, item.total);
  return lines <= 0 ? [] : [...kept, { ...blankItem, depth: 0, total, omitted: rest.length, children: undefined }];
}

function putInto(parent: Item, item: Item, opened: Item[]): void {
  if (parent === item) {
    item.children = opened;
  } else {
    const siblings = parent.children ?? [];
    siblings.splice(siblings.indexOf(item), 1, ...opened);
  }
}

function takeMostUrgent(candidates: Item[]): Item {
  let best = 0;
  for (let index = 1; index < candidates.length; index++) {
    if (isBefore(candidates[index] as Item, candidates[best] as Item)) best = index;
  }
  return candidates.splice(best, 1)[0] as Item;
}

function isBefore(a: Item, b: Item): boolean {
  const difference = urgency(a.total) - urgency(b.total) || a.depth - b.depth || a.order - b.order;
  return difference < 0;
}

function urgency(counts: Counts): number {
  if (counts.FAILED > 0) return 0;
  if (counts.RUNNING > 0) return 1;
  return countDone(counts) < countAll(counts) ? 2 : 3;
}

function cohortItems(cohorts: Iterable<Cohort>, depth: number): Item[] {
  const items: Item[] = [];
  for (const cohort of cohorts) items.push(cohortItem(cohort, depth, items.length));
  return items;
}

function cohortItem(cohort: Cohort, depth: number, order: number): Item {
  const single = cohort.nodes[0];
  if (cohort.nodes.length === 1 && single !== undefined) return nodeItem(single, depth, order);
  const total = noCounts();
  for (const node of cohort.nodes) addCounts(total, totalCounts(node));
  const open = () => cohort.nodes.map((node, index) => nodeItem(node, depth, order + index / cohort.nodes.length));
  const size = cohort.nodes.length;
  return {
    ...blankItem,
    identifier: cohort.identifier,
    depth,
    order,
    size,
    total,
    open,
    replaces: true,
    children: undefined,
  };
}

function nodeItem(node: TreeNode, depth: number, order: number): Item {
  const chain = chainFrom(node);
  if (chain.length >= CHAIN_LENGTH) return chainItem(chain, depth, order);
  const { cohorts } = node;
  return {
    ...blankItem,
    identifier: node.identifier,
    depth,
    order,
    task: node.task,
    size: countAll(ownCounts(node)),
    levels: 1 + node.deepest - node.depth,
    total: totalCounts(node),
    open: cohorts === undefined ? undefined : () => cohortItems(cohorts.values(), depth + 1),
    children: undefined,
  };
}

/** The node and what follows it, as long as each has one single node below it, of the same identifier. */
function chainFrom(node: TreeNode): TreeNode[] {
  const chain = [node];
  for (let next = onlyChild(node); next !== undefined; next = onlyChild(next)) chain.push(next);
  return chain;
}

function onlyChild(node: TreeNode): TreeNode | undefined {
  if (node.cohorts?.size !== 1) return undefined;
  const cohort = node.cohorts.get(node.identifier);
  return cohort?.nodes.length === 1 ? cohort.nodes[0] : undefined;
}

function chainItem(chain: readonly TreeNode[], depth: number, order: number): Item {
  const first = chain[0] as TreeNode;
  const last = chain[chain.length - 1] as TreeNode;
  const own = noCounts();
  for (const node of chain) addCounts(own, ownCounts(node));
  const { cohorts } = last;
  return {
    ...blankItem,
    identifier: first.identifier,
    depth,
    order,
    size: countAll(own),
    levels: 1 + last.deepest - first.depth,
    total: totalCounts(first),
    open: cohorts === undefined ? undefined : () => cohortItems(cohorts.values(), depth + 1),
    children: undefined,
  };
}

/** The items in the order of their lines. */
function flatten(forest: Item): Row[] {
  const rows: Row[] = [];
  const visit = (items: readonly Item[], rails: readonly boolean[]) => {
    items.forEach((item, index) => {
      const own = [...rails, index < items.length - 1];
      const { identifier, task, size, levels, total, omitted } = item;
      rows.push({ rails: own, identifier, task, size, levels, counts: total, omitted });
      if (item.children !== undefined) visit(item.children, own);
    });
  };
  visit(forest.children ?? [], []);
  return rows;
}
