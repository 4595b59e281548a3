// Reads tests/golden/*.txt: cases of a name, rows and columns on one line and rows x columns numbers behind it. Lines
// that start with # are remarks. A name that is not there ends the test.
#pragma once

#include <gtest/gtest.h>

#include <cstddef>
#include <fstream>
#include <limits>
#include <map>
#include <sstream>
#include <string>
#include <vector>

namespace heed::test {

inline std::string golden_path(const std::string& name) { return std::string(HEED_GOLDEN) + "/" + name; }

class Golden {
 public:
  explicit Golden(const std::string& file) {
    std::ifstream in(golden_path(file));
    EXPECT_TRUE(in.is_open()) << golden_path(file) << " cannot be opened";
    std::stringstream text;
    for (std::string line; std::getline(in, line);)
      if (line.empty() || line[0] != '#') text << line << '\n';
    std::string name, word;
    for (std::size_t rows = 0, columns = 0; text >> name >> rows >> columns;) {
      std::vector<double>& values = cases_[name];
      while (values.size() < rows * columns && text >> word) values.push_back(std::stod(word));
      EXPECT_EQ(values.size(), rows * columns) << name << " in " << file << " is cut short";
    }
    EXPECT_FALSE(cases_.empty()) << file << " holds no case";
  }

  /// A reference into this object: there must be one.
  const std::vector<double>& operator[](const std::string& name) const&& = delete;
  const std::vector<double>& operator[](const std::string& name) const& {
    const auto found = cases_.find(name);
    if (found != cases_.end()) return found->second;
    ADD_FAILURE() << "there is no golden case " << name;
    static const std::vector<double> none(4096, std::numeric_limits<double>::quiet_NaN());
    return none;
  }

  std::vector<float> floats(const std::string& name) const {
    std::vector<float> result;
    for (const double x : (*this)[name]) result.push_back(static_cast<float>(x));
    return result;
  }

 private:
  std::map<std::string, std::vector<double>> cases_;
};

}  // namespace heed::test
