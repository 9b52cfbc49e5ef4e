/** Examples assert what they show: a false claim ends them with an error. */
export function check(claim: string, holds: boolean): void {
  if (!holds) throw new Error(`this should hold and does not: ${claim}`);
  console.log(`ok: ${claim}`);
}
