/** The only place where the page waits. */

export function after(ms: number, done: () => void): () => void {
  const timer = window.setTimeout(done, ms);
  return () => window.clearTimeout(timer);
}

export function every(ms: number, tick: () => void): () => void {
  const timer = window.setInterval(tick, ms);
  return () => window.clearInterval(timer);
}

export function pause(ms: number): Promise<void> {
  return new Promise((done) => void after(ms, done));
}
