#include <iostream>
#include <stdexcept>
#include <string>
#include <vector>

namespace {

std::string word(const std::vector<std::string> &words, std::size_t index) {
    return words.at(index); // throws when there is no such word: the unwinder must find its tables
}

} // namespace

int main() {
    const std::vector<std::string> words{"hello", "from", "C++"};
    std::cout << word(words, 0) << ' ' << word(words, 1) << ' ' << word(words, 2) << '\n';
    try {
        std::cout << word(words, 3) << '\n';
    } catch (const std::out_of_range &) {
        std::cout << "an exception was thrown, unwound and caught\n";
    }
}
