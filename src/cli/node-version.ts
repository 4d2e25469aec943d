/**
 * What is wrong with a version of Node; undefined if it is new enough.
 * @param found as in `process.version`
 * @param engines as in package.json: `>=major.minor`
 */
export function nodeVersionProblem(found: string, engines: string): string | undefined {
  const wanted = engines.replace('>=', '');
  const [major = 0, minor = 0] = numbersIn(found);
  const [wantedMajor = 0, wantedMinor = 0] = numbersIn(wanted);
  if (major > wantedMajor || (major === wantedMajor && minor >= wantedMinor)) return undefined;
  return `needs Node ${wanted} or newer, found ${found}: https://nodejs.org has newer ones`;
}

function numbersIn(version: string): readonly number[] {
  return version.replace('v', '').split('.').map(Number);
}
