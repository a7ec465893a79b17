import { contractCacheValues } from "./cache-values.ts";
import { contractChanges } from "./changes.ts";
import { contractClaims } from "./claims.ts";
import type { StoreContract } from "./contract.ts";
import { contractDeletion } from "./deletion.ts";
import { contractLists } from "./lists.ts";
import { contractPartsAndWork } from "./parts-and-work.ts";
import { contractRoundTrips } from "./round-trips.ts";
import { contractTaskQueries } from "./task-queries.ts";
import { contractTransactions } from "./transactions.ts";
import { contractTrees } from "./trees.ts";

export type { StoreContract, StoreUnderTest } from "./contract.ts";

/** Declares the tests that every driver of the Store port must pass, unchanged. To be called in a test file of vitest. */
export function runStoreContract(contract: StoreContract): void {
  contractRoundTrips(contract);
  contractClaims(contract);
  contractTaskQueries(contract);
  contractTrees(contract);
  contractLists(contract);
  contractChanges(contract);
  contractPartsAndWork(contract);
  contractCacheValues(contract);
  contractTransactions(contract);
  contractDeletion(contract);
}
