import ca.uhn.fhir.context.FhirContext;
import ca.uhn.fhir.context.support.DefaultProfileValidationSupport;
import ca.uhn.fhir.context.support.IValidationSupport;
import ca.uhn.fhir.validation.FhirValidator;
import ca.uhn.fhir.validation.ResultSeverityEnum;
import ca.uhn.fhir.validation.SingleValidationMessage;
import com.google.gson.Gson;
import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.hl7.fhir.common.hapi.validation.support.CommonCodeSystemsTerminologyService;
import org.hl7.fhir.common.hapi.validation.support.InMemoryTerminologyServerValidationSupport;
import org.hl7.fhir.common.hapi.validation.support.PrePopulatedValidationSupport;
import org.hl7.fhir.common.hapi.validation.support.UnknownCodeSystemWarningValidationSupport;
import org.hl7.fhir.common.hapi.validation.support.ValidationSupportChain;
import org.hl7.fhir.common.hapi.validation.validator.FhirInstanceValidator;
import org.hl7.fhir.instance.model.api.IBaseResource;
import org.hl7.fhir.r4.model.Bundle;
import org.hl7.fhir.r4.model.MetadataResource;
import org.hl7.fhir.r5.utils.validation.constants.BestPracticeWarningLevel;

/**
 * Validates resources against base R4: one resource as JSON on each line of standard input, and for each of them a
 * JSON list of errors on a line of standard output. Extensions and code systems that base R4 does not know are let
 * pass; no network is used. Ends with its input.
 *
 * A line that begins with "known " holds a Bundle of Questionnaires, ValueSets and CodeSystems by which resources are
 * judged from then on, in place of earlier ones; it is answered with an empty list.
 */
public class Validate {
  private static final String KNOWN = "known ";

  public static void main(String[] arguments) throws Exception {
    PrintStream out = new PrintStream(System.out, false, StandardCharsets.UTF_8);
    System.setOut(System.err);
    FhirContext context = FhirContext.forR4();
    FhirValidator validator = validator(context, new Bundle());
    Gson gson = new Gson();
    BufferedReader in = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
    for (String line = in.readLine(); line != null; line = in.readLine()) {
      List<String> errors = new ArrayList<>();
      if (line.startsWith(KNOWN)) {
        Bundle known = context.newJsonParser().parseResource(Bundle.class, line.substring(KNOWN.length()));
        validator = validator(context, known);
      } else {
        for (SingleValidationMessage message : validator.validateWithResult(line).getMessages()) {
          if (message.getSeverity().ordinal() >= ResultSeverityEnum.ERROR.ordinal()) {
            errors.add(message.getLocationString() + ": " + message.getMessage());
          }
        }
      }
      out.println(gson.toJson(errors));
      out.flush();
    }
  }

  private static FhirValidator validator(FhirContext context, Bundle known) {
    UnknownCodeSystemWarningValidationSupport unknown = new UnknownCodeSystemWarningValidationSupport(context);
    unknown.setNonExistentCodeSystemSeverity(IValidationSupport.IssueSeverity.WARNING);
    ValidationSupportChain support = new ValidationSupportChain(
        new DefaultProfileValidationSupport(context),
        new Known(context, known),
        new InMemoryTerminologyServerValidationSupport(context),
        new CommonCodeSystemsTerminologyService(context),
        unknown);
    FhirInstanceValidator instances = new FhirInstanceValidator(support);
    instances.setAnyExtensionsAllowed(true);
    instances.setBestPracticeWarningLevel(BestPracticeWarningLevel.Ignore);
    FhirValidator validator = context.newValidator();
    validator.registerValidatorModule(instances);
    return validator;
  }

  /** Resources by their canonical address, alone and with their version; Questionnaires too. */
  private static class Known extends PrePopulatedValidationSupport {
    private final Map<String, IBaseResource> byAddress = new TreeMap<>();

    Known(FhirContext context, Bundle known) {
      super(context);
      for (Bundle.BundleEntryComponent entry : known.getEntry()) {
        MetadataResource resource = (MetadataResource) entry.getResource();
        addResource(resource);
        byAddress.put(resource.getUrl(), resource);
        byAddress.put(resource.getUrl() + "|" + resource.getVersion(), resource);
      }
    }

    @Override
    public <T extends IBaseResource> T fetchResource(Class<T> kind, String address) {
      IBaseResource found = byAddress.get(address);
      return kind != null && kind.isInstance(found) ? kind.cast(found) : super.fetchResource(kind, address);
    }
  }
}
