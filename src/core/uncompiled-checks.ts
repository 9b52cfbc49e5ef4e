import { config } from 'zod';

/** Schemas that are made after this are not compiled at their first use: quicker for a program that uses most of them once. */
export function leaveChecksUncompiled(): void {
  config({ jitless: true });
}
