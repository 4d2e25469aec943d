// The suites of triggers that need only an API server share one, apart from the others in `pipelines.test.ts`.
import '../integration/kubernetes/trigger-loop.suite.ts';
import '../integration/kubernetes/drive-other-controllers.suite.ts';
import '../integration/kubernetes/trigger-crds.suite.ts';
import '../integration/kubernetes/trigger-resources.suite.ts';
import '../integration/kubernetes/triggers.suite.ts';
import '../integration/kubernetes/trigger-examples.suite.ts';
import '../integration/kubernetes/trigger-conditions.suite.ts';
import '../integration/kubernetes/trigger-sequences.suite.ts';
import '../integration/kubernetes/admission.suite.ts';
import '../integration/kubernetes/trigger-telling.suite.ts';
import '../integration/kubernetes/teams.suite.ts';
// This one kills the API server, removes CRDs and restores them.
import '../integration/kubernetes/targets.suite.ts';
