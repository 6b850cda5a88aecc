import java.io.FileInputStream;
import java.net.Socket;
import java.security.KeyStore;
import java.security.cert.Certificate;
import java.security.cert.CertificateFactory;
import javax.net.ssl.SSLContext;
import javax.net.ssl.SSLParameters;
import javax.net.ssl.SSLSocket;
import javax.net.ssl.TrustManagerFactory;

/** Arguments: PEM file of the roots, host name, port, address. Sends a request where PKIX and HTTPS rules allow. */
public class VerifyHost {
  public static void main(String[] words) throws Exception {
    KeyStore roots = KeyStore.getInstance(KeyStore.getDefaultType());
    roots.load(null, null);
    try (FileInputStream file = new FileInputStream(words[0])) {
      for (Certificate root : CertificateFactory.getInstance("X.509").generateCertificates(file)) {
        roots.setCertificateEntry("root" + roots.size(), root);
      }
    }
    TrustManagerFactory trust = TrustManagerFactory.getInstance("PKIX");
    trust.init(roots);
    SSLContext context = SSLContext.getInstance("TLS");
    context.init(null, trust.getTrustManagers(), null);
    int port = Integer.parseInt(words[2]);
    Socket plain = new Socket(words[3], port);
    SSLSocket tls = (SSLSocket) context.getSocketFactory().createSocket(plain, words[1], port, true);
    SSLParameters parameters = tls.getSSLParameters();
    parameters.setEndpointIdentificationAlgorithm("HTTPS");
    tls.setSSLParameters(parameters);
    tls.startHandshake();
    tls.getOutputStream().write("GET /dir HTTP/1.0\r\n\r\n".getBytes());
    tls.getInputStream().read();
  }
}
