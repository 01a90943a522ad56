template <class T> struct Holder {
    T x;
    virtual ~Holder() {}
    virtual T get();
};
template <class T> T Holder<T>::get() { return x; }
static int local = 5;
int *of_local = &local;
const char *again = "shared";
int other(int x) {
    Holder<int> holder;
    holder.x = x;
    return holder.get() + local;
}
