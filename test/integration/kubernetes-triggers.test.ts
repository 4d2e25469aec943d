// The suites of triggers that need only an API server share one, apart from the others in `kubernetes.test.ts`.
import './kubernetes/trigger-loop.suite.ts';
import './kubernetes/drive-other-controllers.suite.ts';
import './kubernetes/trigger-crds.suite.ts';
import './kubernetes/trigger-resources.suite.ts';
import './kubernetes/triggers.suite.ts';
import './kubernetes/trigger-examples.suite.ts';
import './kubernetes/trigger-conditions.suite.ts';
import './kubernetes/trigger-sequences.suite.ts';
import './kubernetes/admission.suite.ts';
import './kubernetes/trigger-telling.suite.ts';
import './kubernetes/teams.suite.ts';
// This one kills the API server, removes CRDs and restores them.
import './kubernetes/targets.suite.ts';
