import type { DatabaseSync } from "node:sqlite";
import type { ClusterRecord } from "../../domain/records.ts";
import { type Command, command, type Query, query } from "./query.ts";

type ClusterRow = readonly [slug: string, displayName: string, description: string, createdAt: number];

const COLUMNS = "slug, display_name, description, created_at";

/** Lists clusters. */
export class ClusterReader {
  readonly #all: Query<ClusterRow>;

  constructor(db: DatabaseSync) {
    this.#all = query(db, `SELECT ${COLUMNS} FROM cluster ORDER BY slug`);
  }

  all(): ClusterRecord[] {
    return this.#all.all().map(decodeCluster);
  }
}

/** Clusters as the writing connection sees them. */
export class ClusterTable {
  readonly #bySlug: Query<ClusterRow>;
  readonly #put: Command;
  readonly #delete: Command;

  constructor(db: DatabaseSync) {
    this.#bySlug = query(db, `SELECT ${COLUMNS} FROM cluster WHERE slug = ?`);
    this.#put = command(db, `INSERT OR REPLACE INTO cluster (${COLUMNS}) VALUES (?, ?, ?, ?)`);
    this.#delete = command(db, "DELETE FROM cluster WHERE slug = ?");
  }

  load(slugs: readonly string[]): ClusterRecord[] {
    const clusters: ClusterRecord[] = [];
    for (const slug of slugs) {
      const row = this.#bySlug.get(slug);
      if (row !== undefined) clusters.push(decodeCluster(row));
    }
    return clusters;
  }

  put(clusters: readonly ClusterRecord[]): void {
    for (const { slug, displayName, description, createdAt } of clusters) {
      this.#put.run(slug, displayName, description, createdAt);
    }
  }

  delete(slugs: readonly string[]): void {
    for (const slug of slugs) this.#delete.run(slug);
  }
}

function decodeCluster(row: ClusterRow): ClusterRecord {
  const [slug, displayName, description, createdAt] = row;
  return { slug, displayName, description, createdAt };
}
