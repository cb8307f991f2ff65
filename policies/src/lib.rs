//! Policy language and the controls it steers.
