// Runs the openssl command for tests.
#include "tests/support/openssl_cli.h"

#include <sys/stat.h>

#include <cstdlib>
#include <fstream>
#include <iterator>
#include <stdexcept>

namespace support {

namespace fs = std::filesystem;

OpensslFolder::OpensslFolder() {
  std::string name = (fs::temp_directory_path() / "openssl_cli.XXXXXX").string();
  if (mkdtemp(name.data()) == nullptr) throw std::runtime_error("no temporary folder");
  folder_ = name;
}

OpensslFolder::~OpensslFolder() {
  std::error_code ignored;
  fs::remove_all(folder_, ignored);
}

std::string OpensslFolder::read(std::string_view name) const {
  std::ifstream file(folder_ / name, std::ios::binary);
  if (!file) throw std::runtime_error("cannot open " + path(name));
  return {std::istreambuf_iterator<char>(file), {}};
}

Octets OpensslFolder::read_octets(std::string_view name) const {
  const std::string text = read(name);
  return {text.begin(), text.end()};
}

void OpensslFolder::write(std::string_view name, std::string_view text) const {
  std::ofstream(folder_ / name, std::ios::binary) << text;
}

void OpensslFolder::openssl(const std::string& arguments) const {
  const std::string log = path("openssl.log");
  const std::string command =
      "cd '" + folder_.string() + "' && openssl " + arguments + " > openssl.log 2>&1 < /dev/null";
  if (std::system(command.c_str()) != 0)
    throw std::runtime_error("openssl " + arguments + ": " + read("openssl.log"));
}

void OpensslFolder::make_key(const std::string& file, const std::string& kind) const {
  const std::string options =
      kind.starts_with("RSA:") ? "-algorithm RSA -pkeyopt rsa_keygen_bits:" + kind.substr(4)
      : kind.starts_with("P-") ? "-algorithm EC -pkeyopt ec_paramgen_curve:" + kind
                               : "-algorithm " + kind;
  openssl("genpkey -quiet -out " + file + " " + options);
  if (chmod(path(file).c_str(), 0600) != 0) throw std::runtime_error("cannot chmod " + file);
}

}  // namespace support
