// Drives "openssl ca", with one configuration and one database for each authority.
#include "tests/support/test_pki.h"

#include <stdexcept>

namespace support {

namespace {

std::string configuration(const std::string& authority) {
  return "[ca]\ndefault_ca=it\n[it]\ndatabase=" + authority +
         ".index\nnew_certs_dir=.\ncertificate=" + authority + ".pem\nprivate_key=" + authority +
         ".key\ndefault_md=sha256\npolicy=any\nunique_subject=no\nrand_serial=yes\nemail_in_dn="
         "yes\n"
         "[any]\ncountryName=optional\norganizationName=optional\ncommonName=optional\n"
         "emailAddress=optional\n[req]\ndistinguished_name=none\n[none]\n";
}

}  // namespace

void TestPki::make(const CertificateWish& wish) {
  const std::string& name = wish.name;
  make_key(name + ".key", wish.key_kind);
  if (wish.issuer == name) {
    write(name + ".cnf", configuration(name));
    write(name + ".index", "");
  }
  write(name + ".ext", wish.extensions);
  const std::string subject =
      wish.subject.empty() ? "/C=CH/O=Resurge Test/CN=" + name : wish.subject;
  openssl("req -new -utf8 -config " + wish.issuer + ".cnf -key " + name + ".key -subj '" + subject +
          "' -out " + name + ".csr");
  openssl("ca -batch -notext -preserveDN -config " + wish.issuer + ".cnf" +
          (wish.issuer == name ? " -selfsign" : "") + " -in " + name + ".csr -out " + name +
          ".pem -startdate " + wish.begin + " -enddate " + wish.end + " -extfile " + name +
          ".ext " + wish.more);
}

void TestPki::make_ca(const std::string& name, const std::string& issuer) {
  if (name != issuer) {
    write(name + ".cnf", configuration(name));
    write(name + ".index", "");
  }
  make({.name = name, .issuer = issuer, .extensions = kCaExtensions});
}

void TestPki::revoke(const std::string& name, const std::string& issuer) {
  openssl("ca -config " + issuer + ".cnf -revoke " + name + ".pem");
}

void TestPki::make_crl(const std::string& authority, const std::string& begin,
                       const std::string& end) {
  openssl("ca -config " + authority + ".cnf -gencrl -crl_lastupdate " + begin +
          " -crl_nextupdate " + end + " -out " + authority + ".crl.pem");
}

crypto::Certificate TestPki::certificate(const std::string& name) const {
  auto certificates = crypto::Certificate::load(path(name + ".pem"));
  if (!certificates) throw std::runtime_error(certificates.error().text);
  return std::move(certificates->front());
}

std::vector<crypto::Certificate> TestPki::certificates(
    const std::vector<std::string>& names) const {
  std::vector<crypto::Certificate> found;
  for (const std::string& name : names) found.push_back(certificate(name));
  return found;
}

}  // namespace support
