import ca.uhn.fhir.context.FhirContext;
import java.io.BufferedReader;
import java.io.File;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.time.ZonedDateTime;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.apache.commons.lang3.tuple.Pair;
import org.cqframework.cql.cql2elm.CqlCompilerOptions;
import org.cqframework.cql.cql2elm.DefaultLibrarySourceProvider;
import org.cqframework.cql.cql2elm.LibraryManager;
import org.cqframework.cql.cql2elm.ModelManager;
import org.hl7.elm.r1.VersionedIdentifier;
import org.hl7.fhir.r4.model.Bundle;
import org.hl7.fhir.r4.model.CodeableConcept;
import org.hl7.fhir.r4.model.Observation;
import org.hl7.fhir.r4.model.Procedure;
import org.hl7.fhir.r4.model.Resource;
import org.opencds.cqf.cql.engine.data.CompositeDataProvider;
import org.opencds.cqf.cql.engine.data.DataProvider;
import org.opencds.cqf.cql.engine.execution.CqlEngine;
import org.opencds.cqf.cql.engine.execution.Environment;
import org.opencds.cqf.cql.engine.execution.EvaluationResult;
import org.opencds.cqf.cql.engine.fhir.model.R4FhirModelResolver;
import org.opencds.cqf.cql.engine.retrieve.RetrieveProvider;
import org.opencds.cqf.cql.engine.runtime.Code;
import org.opencds.cqf.cql.engine.runtime.Interval;

/** Evaluates definitions of a CQL file over charts: a line of standard input each, a line of values for each. */
public final class Evaluate {
    /**
     * Arguments: the CQL file, then the definitions. A line of input: the moment of evaluation, a tab, a Bundle as JSON.
     * A line of output: the values, with tabs between them.
     */
    public static void main(String[] arguments) throws Exception {
        File file = new File(arguments[0]).getAbsoluteFile();
        VersionedIdentifier library = new VersionedIdentifier().withId(file.getName().replace(".cql", ""));
        List<String> definitions = List.of(arguments).subList(1, arguments.length);
        LibraryManager libraries = new LibraryManager(new ModelManager(), new CqlCompilerOptions());
        libraries.getLibrarySourceLoader().registerProvider(new DefaultLibrarySourceProvider(file.getParentFile().toPath()));
        R4FhirModelResolver resolver = new R4FhirModelResolver();
        BufferedReader input = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
        for (String line = input.readLine(); line != null; line = input.readLine()) {
            String[] parts = line.split("\t", 2);
            Bundle bundle = FhirContext.forR4Cached().newJsonParser().parseResource(Bundle.class, parts[1]);
            DataProvider data = new CompositeDataProvider(resolver, new Chart(bundle));
            CqlEngine engine = new CqlEngine(new Environment(libraries, Map.of("http://hl7.org/fhir", data), null));
            EvaluationResult found = engine.evaluate(library, Set.copyOf(definitions),
                    Pair.of("Patient", (Object) "p1"), Map.of(), null, ZonedDateTime.parse(parts[0]));
            List<String> values = new ArrayList<>();
            definitions.forEach(each -> values.add(String.valueOf(found.forExpression(each).value())));
            System.out.println(String.join("\t", values));
        }
    }

    /** A chart's resources, by type and code. */
    private record Chart(Bundle bundle) implements RetrieveProvider {
        @Override
        public Iterable<Object> retrieve(String context, String contextPath, Object contextValue, String dataType,
                String templateId, String codePath, Iterable<Code> codes, String valueSet, String datePath,
                String dateLowPath, String dateHighPath, Interval dateRange) {
            List<Object> found = new ArrayList<>();
            for (Bundle.BundleEntryComponent entry : bundle.getEntry()) {
                Resource resource = entry.getResource();
                if (resource.fhirType().equals(dataType) && (codes == null || coded(resource, codes))) {
                    found.add(resource);
                }
            }
            return found;
        }

        private static boolean coded(Resource resource, Iterable<Code> codes) {
            CodeableConcept concept = resource instanceof Procedure p ? p.getCode() : ((Observation) resource).getCode();
            for (Code code : codes) {
                if (concept.hasCoding(code.getSystem(), code.getCode())) {
                    return true;
                }
            }
            return false;
        }
    }
}
