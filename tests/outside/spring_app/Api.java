import java.util.Map;
import org.springframework.boot.SpringApplication;
import org.springframework.boot.autoconfigure.EnableAutoConfiguration;
import org.springframework.context.annotation.Import;
import org.springframework.security.core.annotation.AuthenticationPrincipal;
import org.springframework.security.oauth2.jwt.Jwt;
import org.springframework.web.bind.annotation.GetMapping;
import org.springframework.web.bind.annotation.RestController;

@EnableAutoConfiguration
@Import(Security.class)
@RestController
public class Api {
    public static void main(String[] arguments) {
        SpringApplication.run(Api.class, arguments);
    }

    @GetMapping("/")
    Map<String, Object> home(@AuthenticationPrincipal Jwt token) {
        return token.getClaims();
    }
}
