// Names by OpenSSL's X509_NAME; the words for their parts are strongSwan's.
#include <openssl/asn1.h>
#include <openssl/err.h>
#include <openssl/objects.h>
#include <openssl/x509.h>

#include <algorithm>
#include <optional>

#include "crypto/distinguished_name.h"
#include "crypto/ossl_handle.h"

namespace crypto {
namespace {

using Name = OsslHandle<X509_NAME, X509_NAME_free>;
using Object = OsslHandle<ASN1_OBJECT, ASN1_OBJECT_free>;

constexpr int kPartsMax = 20;

struct Word {
  std::string_view name;
  const char* oid;
  bool ia5 = false;  // IA5String instead of PrintableString or UTF8String
};
// src/libstrongswan/utils/identification.c of strongSwan. Of two words for one OID the first is
// written.
constexpr Word kWords[] = {
    {"C", "2.5.4.6"},
    {"ST", "2.5.4.8"},
    {"L", "2.5.4.7"},
    {"STREET", "2.5.4.9"},
    {"O", "2.5.4.10"},
    {"OU", "2.5.4.11"},
    {"CN", "2.5.4.3"},
    {"DC", "0.9.2342.19200300.100.1.25"},
    {"UID", "0.9.2342.19200300.100.1.1"},
    {"E", "1.2.840.113549.1.9.1", true},
    {"Email", "1.2.840.113549.1.9.1", true},
    {"emailAddress", "1.2.840.113549.1.9.1", true},
    {"SN", "2.5.4.4"},
    {"serialNumber", "2.5.4.5"},
    {"T", "2.5.4.12"},
    {"D", "2.5.4.13"},
    {"postalAddress", "2.5.4.16"},
    {"postalCode", "2.5.4.17"},
    {"N", "2.5.4.41"},
    {"G", "2.5.4.42"},
    {"I", "2.5.4.43"},
    {"ID", "2.5.4.45"},
    {"dnQualifier", "2.5.4.46"},
    {"dmdName", "2.5.4.54"},
    {"pseudonym", "2.5.4.65"},
    {"organizationIdentifier", "2.5.4.97"},
    {"EN", "2.16.840.1.113730.3.1.3"},
    {"employeeNumber", "2.16.840.1.113730.3.1.3"},
    {"UN", "1.2.840.113549.1.9.2", true},
    {"unstructuredName", "1.2.840.113549.1.9.2", true},
    {"UA", "1.2.840.113549.1.9.8"},
    {"unstructuredAddress", "1.2.840.113549.1.9.8"},
    {"ND", "0.2.262.1.10.7.20"},
};

bool same_word(std::string_view a, std::string_view b) {
  const auto lower = [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; };
  return std::ranges::equal(a, b, {}, lower, lower);
}

std::string_view trim(std::string_view text) {
  const std::size_t first = text.find_first_not_of(' ');
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(' ') - first + 1);
}

// The octets as they are, or nothing when they are no Name or not one alone.
Name decode(Bytes der) {
  if (der.empty() || der.size() > kNameDerMax) return nullptr;
  const std::uint8_t* at = der.data();
  Name name(d2i_X509_NAME(nullptr, &at, static_cast<long>(der.size())));
  if (name != nullptr && at != der.data() + der.size()) name.reset();
  ERR_clear_error();
  return name;
}

// PrintableString (X.680): all of it, as strongSwan has it.
bool is_printable(std::string_view value) {
  constexpr std::string_view kSigns = " '()+,-./:=?";
  return std::ranges::all_of(value, [&](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           kSigns.find(c) != std::string_view::npos;
  });
}
bool is_ascii(std::string_view value) {
  return std::ranges::all_of(value, [](char c) { return (c & 0x80) == 0; });
}

Object object_of(std::string_view word, int& string_type) {
  string_type = V_ASN1_PRINTABLESTRING;
  for (const Word& known : kWords) {
    if (!same_word(known.name, word)) continue;
    if (known.ia5) string_type = V_ASN1_IA5STRING;
    return Object(OBJ_txt2obj(known.oid, 1));
  }
  // OBJ_txt2obj takes a lot more than dotted numbers.
  if (word.find_first_not_of("0123456789.") != std::string_view::npos) return nullptr;
  Object object(OBJ_txt2obj(std::string(word).c_str(), 1));
  ERR_clear_error();
  return object;
}

// One "word = value".
Status add_part(X509_NAME* name, std::string_view part) {
  const auto wrong = [&](const char* why) {
    return fail("distinguished name: '" + std::string(part) + "' " + why);
  };
  const std::size_t equals = part.find('=');
  if (equals == std::string_view::npos) return wrong("is no NAME=VALUE");
  const std::string_view value = trim(part.substr(equals + 1));
  if (value.empty()) return wrong("has no value");
  int string_type = 0;
  const Object object = object_of(trim(part.substr(0, equals)), string_type);
  if (object == nullptr) return wrong("has an unknown name");
  if (string_type == V_ASN1_IA5STRING && !is_ascii(value)) return wrong("is not ASCII");
  if (string_type == V_ASN1_PRINTABLESTRING && !is_printable(value))
    string_type = V_ASN1_UTF8STRING;
  const auto* const octets =
      static_cast<const unsigned char*>(static_cast<const void*>(value.data()));
  CHECK(X509_NAME_add_entry_by_OBJ(name, object.get(), string_type, octets,
                                   static_cast<int>(value.size()), -1, 0) == 1);
  return {};
}

std::string oid_text(const ASN1_OBJECT* object) {
  char dotted[128];
  const int len = OBJ_obj2txt(dotted, sizeof dotted, object, 1);
  if (len <= 0 || len >= static_cast<int>(sizeof dotted)) return "?";
  for (const Word& known : kWords)
    if (known.oid == std::string_view(dotted)) return std::string(known.name);
  return dotted;
}

void append_value(std::string& text, const ASN1_STRING* value) {
  unsigned char* utf8 = nullptr;
  int len = ASN1_STRING_to_UTF8(&utf8, value);
  const bool converted = len >= 0;
  const unsigned char* octets = converted ? utf8 : ASN1_STRING_get0_data(value);
  if (!converted) len = ASN1_STRING_length(value);
  for (int i = 0; i < len; ++i) {
    const unsigned char c = octets[i];
    if (c >= 0x20 && c < 0x7f && c != ',' && c != '\\') {
      text += static_cast<char>(c);
    } else {
      text += {'\\', "0123456789abcdef"[c >> 4], "0123456789abcdef"[c & 15]};
    }
  }
  OPENSSL_free(utf8);
  ERR_clear_error();
}

bool is_star(const ASN1_STRING* value) {
  return ASN1_STRING_length(value) == 1 && ASN1_STRING_get0_data(value)[0] == '*';
}

// A name of this one part, to compare it as names are compared.
Name alone(const X509_NAME_ENTRY* entry) {
  Name name(X509_NAME_new());
  CHECK(name != nullptr && X509_NAME_add_entry(name.get(), entry, -1, 0) == 1);
  return name;
}

bool part_matches(const X509_NAME_ENTRY* pattern, const X509_NAME_ENTRY* part) {
  if (X509_NAME_ENTRY_set(pattern) != X509_NAME_ENTRY_set(part)) return false;
  if (is_star(X509_NAME_ENTRY_get_data(pattern)))
    return OBJ_cmp(X509_NAME_ENTRY_get_object(pattern), X509_NAME_ENTRY_get_object(part)) == 0;
  return X509_NAME_cmp(alone(pattern).get(), alone(part).get()) == 0;
}

}  // namespace

Result<std::vector<std::uint8_t>> dn_from_text(std::string_view text) {
  text = trim(text);
  if (text.size() > kNameDerMax) return fail("the distinguished name is too long");
  if (text.empty()) return fail("the distinguished name is empty");
  const char separator = text.front() == '/' ? '/' : ',';
  if (separator == '/') text.remove_prefix(1);
  const Name name(X509_NAME_new());
  CHECK(name != nullptr);
  for (bool more = true; more;) {
    const std::size_t end = text.find(separator);
    if (Status status = add_part(name.get(), trim(text.substr(0, end))); !status)
      return std::unexpected(status.error());
    if (X509_NAME_entry_count(name.get()) > kPartsMax)
      return fail("the distinguished name has more than 20 parts");
    more = end != std::string_view::npos;
    if (more) text.remove_prefix(end + 1);
  }
  std::uint8_t* encoded = nullptr;
  const int len = i2d_X509_NAME(name.get(), &encoded);
  ERR_clear_error();
  if (len < 0) return fail("the distinguished name is not UTF-8");
  std::vector<std::uint8_t> der(encoded, encoded + len);
  OPENSSL_free(encoded);
  if (der.size() > kNameDerMax) return fail("the distinguished name is too long");
  return der;
}

Result<std::string> dn_to_text(Bytes der) {
  const Name name = decode(der);
  if (name == nullptr) return fail("the octets are no distinguished name");
  std::string text;
  int last_set = -1;
  for (int i = 0; i < X509_NAME_entry_count(name.get()); ++i) {
    const X509_NAME_ENTRY* entry = X509_NAME_get_entry(name.get(), i);
    const int set = X509_NAME_ENTRY_set(entry);
    if (i != 0) text += set == last_set ? " + " : ", ";
    last_set = set;
    text += oid_text(X509_NAME_ENTRY_get_object(entry)) + '=';
    append_value(text, X509_NAME_ENTRY_get_data(entry));
  }
  return text;
}

bool dn_equal(Bytes a, Bytes b) {
  const Name name_a = decode(a);
  const Name name_b = decode(b);
  const bool equal =
      name_a != nullptr && name_b != nullptr && X509_NAME_cmp(name_a.get(), name_b.get()) == 0;
  ERR_clear_error();
  return equal;
}

bool dn_matches(Bytes pattern, Bytes name) {
  const Name parts = decode(pattern);
  const Name of = decode(name);
  if (parts == nullptr || of == nullptr) return false;
  const int count = X509_NAME_entry_count(parts.get());
  if (count != X509_NAME_entry_count(of.get())) return false;
  for (int i = 0; i < count; ++i)
    if (!part_matches(X509_NAME_get_entry(parts.get(), i), X509_NAME_get_entry(of.get(), i)))
      return false;
  return true;
}

}  // namespace crypto
