/** What ends the pieces of a world, in the order in which they started. */
export type CleanUps = (() => unknown)[];

/** Starts a world piece by piece; `stop` ends its pieces, last first, and so does a piece that does not start. */
export async function startAll<World extends object>(
  start: (cleanUps: CleanUps) => Promise<World>,
): Promise<World & { stop(): Promise<void> }> {
  const cleanUps: CleanUps = [];
  const stop = async () => {
    for (const cleanUp of cleanUps.splice(0).reverse()) await cleanUp();
  };
  try {
    return { ...(await start(cleanUps)), stop };
  } catch (error) {
    await stop();
    throw error;
  }
}
