import { ResumeAnswer } from '../explain/schema-requests.ts';
import { command, exitDone, UsageError, usageOf, type Call } from './command.ts';

const flags = {} as const;

/** `tocsin resume`: lets everything out at once that waits because of a storm. */
export const resume = command({ name: 'resume', flags, run: resumeNow });

async function resumeNow({ words, api, output }: Call<typeof flags>): Promise<number> {
  if (words.length > 0) throw new UsageError(`resume: ${words[0]}, allowed: ${usageOf('resume')}`);
  const answer = await api.post(ResumeAnswer, '/storm/resume', {});
  if (await output.object(answer)) return exitDone;
  const { released } = answer;
  const runs = released === 1 ? '1 run goes out' : `${released} runs go out`;
  output.line(released === 0 ? 'there is no storm: nothing waits' : `${runs} now`);
  return exitDone;
}
