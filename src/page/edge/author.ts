/** Who made the last silence from this browser, so that nobody has to type it again. A browser may refuse to keep it. */
export const author = {
  read(): string {
    try {
      return localStorage.getItem(name) ?? '';
    } catch {
      return '';
    }
  },
  write(text: string): void {
    try {
      localStorage.setItem(name, text);
    } catch {
      // It is typed again the next time.
    }
  },
};

const name = 'tocsin-author';
